using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DaprK8s.Components.Tests.Support;
using DaprK8s.Injector.Tests.Support;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Injector.Tests.Server;

/// <summary>The injector when something around it is away, refuses it, or changes under it.</summary>
public sealed class InjectorOnBadDaysTests
{
    [Fact]
    public async Task Without_sentry_it_is_not_ready_says_why_and_gets_ready_when_sentry_comes()
    {
        await using var cluster = await InjectorCluster.PrepareAsync();
        using var root = Root("CN=placeholder");
        await File.WriteAllTextAsync(cluster.AnchorsFile, root.ExportCertificatePem(), TestContext.Current.CancellationToken);
        cluster.StartInjector();
        await cluster.LogShowsAsync(LogLevel.Warning, "Waiting for an identity");
        await Eventually.TrueAsync(async () => await cluster.HealthAsync() == HttpStatusCode.ServiceUnavailable, "it says that it is not ready");
        await cluster.StartSentryAsync();
        await cluster.ReadyAsync();
        using var client = cluster.NewClient();
        await client.AdmitAsync(Injections.EnabledPod());
    }

    [Fact]
    public async Task Without_trust_anchors_it_waits_for_them()
    {
        await using var cluster = await InjectorCluster.PrepareAsync();
        cluster.StartInjector();
        await cluster.LogShowsAsync(LogLevel.Warning, "can't be used, waiting for it");
        await Eventually.TrueAsync(async () => await cluster.HealthAsync() == HttpStatusCode.ServiceUnavailable, "it says that it is not ready");
        await cluster.StartSentryAsync();
        await cluster.ReadyAsync();
    }

    [Fact]
    public async Task Its_certificate_is_renewed_while_requests_flow()
    {
        await using var cluster = await InjectorCluster.PrepareAsync();
        await cluster.StartSentryAsync(certificateLifetime: "16s");
        cluster.StartInjector();
        await cluster.ReadyAsync();
        using var lasting = cluster.NewClient();
        await lasting.AdmitAsync(Injections.EnabledPod());
        var first = lasting.Presented!.SerialNumber;
        await Eventually.TrueAsync(
            async () =>
            {
                await lasting.AdmitAsync(Injections.EnabledPod());
                using var fresh = cluster.NewClient();
                await fresh.AdmitAsync(Injections.EnabledPod());
                return fresh.Presented!.SerialNumber != first;
            },
            "new connections see a new certificate");
        await lasting.AdmitAsync(Injections.EnabledPod());
        Assert.Equal(1, lasting.Connections);
    }

    [Fact]
    public async Task A_certificate_that_has_ended_makes_it_not_ready_and_is_replaced_once_sentry_is_back()
    {
        await using var clock = new TestClock();
        await using var cluster = await InjectorCluster.PrepareAsync();
        await cluster.StartSentryAsync(certificateLifetime: "1h");
        cluster.StartInjector(clock);
        await cluster.ReadyAsync();
        using var before = cluster.NewClient();
        await before.AdmitAsync(Injections.EnabledPod());

        await cluster.StopSentryAsync();
        clock.Forward(TimeSpan.FromHours(2));
        await clock.ForwardUntilAsync(
            TimeSpan.FromSeconds(1), () => cluster.Log.Lines.Any(l => l.Text.StartsWith("Failed to renew the workload certificate, going on with the one that ended at", StringComparison.Ordinal)), "it is told");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await cluster.HealthAsync());

        await cluster.StartSentryAsync(certificateLifetime: "23h");
        await clock.ForwardUntilAsync(TimeSpan.FromSeconds(1), async () => await cluster.HealthAsync() == HttpStatusCode.OK, "it is ready again");
        using var after = cluster.NewClient();
        await after.AdmitAsync(Injections.EnabledPod());
        Assert.NotEqual(before.Presented!.SerialNumber, after.Presented!.SerialNumber);
        Assert.False(cluster.Injector.IsCompleted);
    }

    [Fact]
    public async Task New_trust_anchors_reach_the_webhook_configuration_and_new_pods()
    {
        await using var cluster = await InjectorCluster.StartAsync();
        using var client = cluster.NewClient();
        using var next = Root("CN=next");
        var both = cluster.Anchors.Trim() + "\n" + next.ExportCertificatePem() + "\n";
        await File.WriteAllTextAsync(cluster.AnchorsFile, both, TestContext.Current.CancellationToken);
        await cluster.BundlesAreAsync(both);
        var pod = await client.AdmitAsync(Injections.EnabledPod());
        var sidecar = pod["spec"]!["containers"]!.AsArray().Single(c => (string)c!["name"]! == "daprd")!;
        Assert.Equal(both, (string)sidecar["env"]!.AsArray().Single(e => (string)e!["name"]! == "DAPR_TRUST_ANCHORS")!["value"]!);
    }

    [Fact]
    public async Task A_configuration_that_is_applied_anew_gets_its_ca_bundle_back()
    {
        await using var cluster = await InjectorCluster.StartAsync();
        cluster.PutWebhooks("sidecar-injector.dapr.io", "second.dapr.io");
        await cluster.BundlesAreAsync(cluster.Anchors, cluster.Anchors);
        cluster.Server.Objects.Delete(InjectorCluster.Webhooks, "", "dapr-sidecar-injector");
        cluster.PutWebhooks("sidecar-injector.dapr.io");
        await cluster.BundlesAreAsync(cluster.Anchors);
    }

    [Fact]
    public async Task What_another_replica_has_added_to_the_ca_bundle_stays()
    {
        await using var cluster = await InjectorCluster.StartAsync();
        using var next = Root("CN=next");
        var both = cluster.Anchors.Trim() + "\n" + next.ExportCertificatePem() + "\n";
        SetBundle(both, 0);
        cluster.Server.Faults.ForgetRequests();

        // The second webhook's bundle is made good after the first one's was looked at.
        cluster.Server.Objects.Change(InjectorCluster.Webhooks, "", "dapr-sidecar-injector", c => c["webhooks"]!.AsArray().Add(c["webhooks"]![0]!.DeepClone()));
        SetBundle("", 1);
        await cluster.BundlesAreAsync(both, cluster.Anchors);

        void SetBundle(string pem, int index) => cluster.Server.Objects.Change(InjectorCluster.Webhooks, "", "dapr-sidecar-injector", c =>
            c["webhooks"]![index]!["clientConfig"]!["caBundle"] = Convert.ToBase64String(System.Text.Encoding.ASCII.GetBytes(pem)));
    }

    [Fact]
    public async Task Away_from_the_api_server_it_goes_on_and_catches_up()
    {
        await using var cluster = await InjectorCluster.StartAsync();
        using var client = cluster.NewClient();
        await cluster.Server.PauseAsync();
        Assert.Contains("--enable-mtls", await client.ArgumentsAsync(Injections.EnabledPod()), StringComparison.Ordinal);
        var refused = await client.AskAsync(Injections.Review(Injections.EnabledPod(("dapr.io/inject-pluggable-components", "true"))));
        Assert.StartsWith("error when fetching components: ", (string)refused["status"]!["message"]!, StringComparison.Ordinal);
        using var next = Root("CN=next");
        var both = cluster.Anchors.Trim() + "\n" + next.ExportCertificatePem() + "\n";
        await File.WriteAllTextAsync(cluster.AnchorsFile, both, TestContext.Current.CancellationToken);
        await cluster.LogShowsAsync(LogLevel.Error, "could not be given the CA bundle, trying again");
        await cluster.Server.ResumeAsync();
        await cluster.BundlesAreAsync(both);
        Assert.Equal(HttpStatusCode.OK, await cluster.HealthAsync());
    }

    [Fact]
    public async Task With_the_rights_of_Daprs_chart_it_patches_without_watching()
    {
        await using var cluster = await InjectorCluster.PrepareAsync();
        foreach (var verb in new[] { "get", "list", "watch" })
        {
            cluster.Server.Access.Deny(verb, InjectorCluster.Webhooks);
        }

        await cluster.StartSentryAsync();
        cluster.StartInjector();
        await cluster.ReadyAsync();
        await cluster.BundlesAreAsync(cluster.Anchors);
        using var client = cluster.NewClient();
        await client.AdmitAsync(Injections.EnabledPod());
        await cluster.LogShowsAsync(LogLevel.Warning, "a role must allow 'list' on 'mutatingwebhookconfigurations.admissionregistration.k8s.io'");
    }

    [Fact]
    public async Task Without_a_webhook_configuration_it_waits_for_one()
    {
        await using var cluster = await InjectorCluster.PrepareAsync();
        cluster.Server.Objects.Delete(InjectorCluster.Webhooks, "", "dapr-sidecar-injector");
        await cluster.StartSentryAsync();
        cluster.StartInjector();
        await cluster.LogShowsAsync(LogLevel.Error, "could not be given the CA bundle, trying again; until then the API server does not trust this webhook");
        await Eventually.TrueAsync(async () => await cluster.HealthAsync() == HttpStatusCode.ServiceUnavailable, "it says that it is not ready");
        cluster.PutWebhooks("sidecar-injector.dapr.io");
        await cluster.ReadyAsync();
        await cluster.BundlesAreAsync(cluster.Anchors);
    }

    [Theory]
    [InlineData("patch", InjectorCluster.Webhooks, "a role must allow 'patch' on 'mutatingwebhookconfigurations.admissionregistration.k8s.io' named 'dapr-sidecar-injector'")]
    [InlineData("get", "serviceaccounts", "Failed to get authentication uids from services accounts: cannot get serviceaccounts")]
    public async Task Without_a_right_that_it_can_not_do_without_it_ends_and_names_it(string verb, string resource, string message)
    {
        await using var cluster = await InjectorCluster.PrepareAsync();
        cluster.Server.Access.Deny(verb, resource);
        await cluster.StartSentryAsync();
        cluster.StartInjector();
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => cluster.Injector.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_the_right_to_read_the_configuration_mtls_counts_as_on_and_the_log_names_the_verb()
    {
        await using var cluster = await InjectorCluster.StartAsync();
        cluster.Server.Access.Deny("get", "configurations.dapr.io");
        using var client = cluster.NewClient();
        Assert.Contains("--enable-mtls", await client.ArgumentsAsync(Injections.EnabledPod()), StringComparison.Ordinal);
        await cluster.LogShowsAsync(LogLevel.Warning, "Configuration dapr-system/daprsystem can't be read, mTLS counts as enabled: cannot get configurations.dapr.io");
    }

    [Fact]
    public async Task Without_the_right_to_list_components_only_pods_that_want_their_containers_are_refused()
    {
        await using var cluster = await InjectorCluster.StartAsync();
        cluster.Server.Access.Deny("list", "components.dapr.io");
        using var client = cluster.NewClient();
        await client.AdmitAsync(Injections.EnabledPod());
        var refused = await client.AskAsync(Injections.Review(Injections.EnabledPod(("dapr.io/inject-pluggable-components", "true"))));
        Assert.StartsWith("error when fetching components: cannot list components.dapr.io", (string)refused["status"]!["message"]!, StringComparison.Ordinal);
    }

    private static X509Certificate2 Root(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var withKey = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadCertificate(withKey.RawData);
    }
}
