using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DaprK8s.Common.Identity;
using DaprK8s.Operator.Check;

namespace DaprK8s.Chart.Tests.Cluster;

/// <summary><c>operator check</c>, which <c>helm test</c> runs, against real TLS.</summary>
public sealed class CheckTests
{
    private static readonly SpiffeId Sentry = SpiffeId.Create("cluster.local", "dapr-system", "dapr-sentry");
    private static readonly SpiffeId Webhook = SpiffeId.Create("cluster.local", "dapr-system", "dapr-operator");

    [Fact]
    public async Task A_service_with_the_right_certificate_is_ok()
    {
        using var authority = new Authority();
        using var sentry = new Service(authority.Issue(Sentry, ""));
        using var webhook = new Service(authority.Issue(Webhook, "dapr-webhook.dapr-system.svc"));

        var (good, report) = await CheckAsync(
            authority, new CheckedService("sentry", sentry.Address, Sentry, ""), new CheckedService("webhook", webhook.Address, Webhook, "dapr-webhook.dapr-system.svc"));

        Assert.True(good, report);
        Assert.Contains($"ok      sentry at localhost:{sentry.Address.Port} is spiffe://cluster.local/ns/dapr-system/dapr-sentry", report);
    }

    [Fact]
    public async Task One_that_is_somebody_else_fails_and_the_others_are_still_looked_at()
    {
        using var authority = new Authority();
        using var somebody = new Service(authority.Issue(SpiffeId.Create("cluster.local", "apps", "app"), ""));
        using var sentry = new Service(authority.Issue(Sentry, ""));

        var (good, report) = await CheckAsync(
            authority, new CheckedService("first", somebody.Address, Sentry, ""), new CheckedService("second", sentry.Address, Sentry, ""));

        Assert.False(good);
        Assert.Contains("FAILED  first:", report);
        Assert.Contains("unexpected SPIFFE ID: \"spiffe://cluster.local/ns/apps/app\"", report);
        Assert.Contains("ok      second", report);
    }

    [Fact]
    public async Task So_do_a_foreign_authority_a_missing_name_and_an_absent_service()
    {
        using var authority = new Authority();
        using var foreigner = new Authority();
        using var foreign = new Service(foreigner.Issue(Sentry, ""));
        using var unnamed = new Service(authority.Issue(Webhook, "other.dapr-system.svc"));
        using var gone = new Service(authority.Issue(Sentry, ""));
        gone.Dispose();

        var (good, report) = await CheckAsync(
            authority,
            new CheckedService("foreign", foreign.Address, Sentry, ""),
            new CheckedService("unnamed", unnamed.Address, Webhook, "dapr-webhook.dapr-system.svc"),
            new CheckedService("gone", gone.Address, Sentry, ""));

        Assert.False(good);
        Assert.Matches("FAILED  foreign: .*not valid under the trust anchors", report);
        Assert.Contains("FAILED  unnamed: its certificate is not for dapr-webhook.dapr-system.svc", report);
        Assert.Matches("FAILED  gone: .*can't be reached", report);
    }

    [Fact]
    public async Task Without_trust_anchors_the_report_says_where_they_come_from()
    {
        using var output = new StringWriter();
        Environment.SetEnvironmentVariable("NAMESPACE", "dapr-system");

        var code = await CheckCommand.RunAsync(["--trust-anchors-file", "/nowhere/ca.crt", "--sentry-address", "localhost:1"], output);

        Assert.Equal(1, code);
        Assert.Contains("sentry writes them when it starts", output.ToString());
    }

    private static async Task<(bool Good, string Report)> CheckAsync(Authority authority, params CheckedService[] services)
    {
        using var output = new StringWriter();
        var check = new ControlPlaneCheck(TrustAnchors.Parse(authority.Pem), TimeSpan.Zero, output, TimeProvider.System);
        var good = await check.RunAsync(services, TestContext.Current.CancellationToken);
        return (good, output.ToString());
    }

    private sealed class Service : IDisposable
    {
        private readonly TcpListener listener = new(IPAddress.Loopback, 0);
        private readonly X509Certificate2 certificate;

        public Service(X509Certificate2 certificate)
        {
            this.certificate = certificate;
            listener.Start();
            Address = new DnsEndPoint("localhost", ((IPEndPoint)listener.LocalEndpoint).Port);
            _ = ServeAsync();
        }

        public DnsEndPoint Address { get; }

        public void Dispose()
        {
            listener.Stop();
            certificate.Dispose();
        }

        private async Task ServeAsync()
        {
            try
            {
                while (true)
                {
                    using var client = await listener.AcceptTcpClientAsync();
                    await using var tls = new SslStream(client.GetStream());
                    try
                    {
                        await tls.AuthenticateAsServerAsync(certificate);
                        _ = await tls.ReadAsync(new byte[1]);
                    }
                    catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException)
                    {
                        // The check did not like what it saw.
                    }
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // Stopped.
            }
        }
    }
}
