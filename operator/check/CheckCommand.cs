using System.Net;
using DaprK8s.Common.ControlPlane;
using DaprK8s.Common.Hosting;
using DaprK8s.Common.Identity;

namespace DaprK8s.Operator.Check;

/// <summary><c>operator check</c>, which <c>helm test</c> runs: is every service of the control plane there, with the right certificate?</summary>
internal static class CheckCommand
{
    /// <summary>The first argument that asks for it.</summary>
    public const string Name = "check";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Runs it.</summary>
    /// <returns>The exit code.</returns>
    public static Task<int> RunAsync(string[] args, TextWriter output)
    {
        var flags = new FlagSet("operator", "Checks that every service of the control plane answers with the right certificate");
        var anchors = flags.Text("trust-anchors-file", "/var/run/secrets/dapr.io/tls/ca.crt", "File of the trust anchors");
        var domain = flags.Text("trust-domain", "cluster.local", "Trust domain of the control plane");
        var sentry = flags.Text("sentry-address", "", "Address of sentry; empty not to check it");
        var api = flags.Text("api-address", "", "Address of the operator's API; empty not to check it");
        var webhook = flags.Text("webhook-address", "", "Address of the operator's webhooks; empty not to check them");
        var injector = flags.Text("injector-address", "", "Address of the injector; empty not to check it");
        var patience = flags.Duration("timeout", "How long to wait for services that are still starting (60s)");
        return new ServiceProcess("operator", "Dapr Operator").GuardAsync(flags.Usage, async () =>
        {
            flags.Parse(args);
            var @namespace = ServiceNamespace.Read(Environment.GetEnvironmentVariable(ServiceNamespace.Variable));
            if (!SpiffeId.IsTrustDomain(domain()))
            {
                throw new OptionException($"invalid trust domain \"{domain()}\": {SpiffeId.TrustDomainRule}");
            }

            CheckedService?[] services =
            [
                Service("sentry", sentry(), "dapr-sentry", ""),
                Service("operator API", api(), "dapr-operator", ""),
                Service("operator webhooks", webhook(), "dapr-operator", $"dapr-webhook.{@namespace}.svc"),
                Service("injector", injector(), "dapr-injector", $"dapr-sidecar-injector.{@namespace}.svc"),
            ];
            try
            {
                var trusted = TrustAnchors.Parse(await File.ReadAllTextAsync(anchors()));
                var check = new ControlPlaneCheck(trusted, patience() ?? Patience, output, TimeProvider.System);
                return await check.RunAsync(services.OfType<CheckedService>(), CancellationToken.None) ? ServiceProcess.Success : ServiceProcess.Failure;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or IdentityException)
            {
                await output.WriteLineAsync($"FAILED  trust anchors in {anchors()}: {e.Message} (sentry writes them when it starts: is it running?)");
                return ServiceProcess.Failure;
            }

            CheckedService? Service(string name, string address, string app, string dnsName)
                => address.Length == 0 ? null : new CheckedService(name, Address(address), SpiffeId.Create(domain(), @namespace, app), dnsName);
        });
    }

    private static DnsEndPoint Address(string text)
    {
        var colon = text.LastIndexOf(':');
        return colon > 0 && ushort.TryParse(text[(colon + 1)..], out var port) && port > 0
            ? new DnsEndPoint(text[..colon].Trim('[', ']'), port) : throw new OptionException($"not an address of the form host:port: {text}");
    }
}
