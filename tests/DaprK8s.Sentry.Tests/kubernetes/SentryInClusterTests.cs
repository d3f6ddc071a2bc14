using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using DaprK8s.Common.Hosting;
using DaprK8s.Common.Identity;
using DaprK8s.Sentry.Kubernetes;
using DaprK8s.Sentry.Server;
using DaprK8s.TestServers;
using Microsoft.Extensions.Logging.Abstractions;

namespace DaprK8s.Sentry.Tests.Kubernetes;

/// <summary>The whole of sentry in Kubernetes mode, asked by the client that sidecars have.</summary>
public sealed class SentryInClusterTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_pod_gets_its_certificate_and_another_id_is_refused()
    {
        await using var cluster = await SentryCluster.StartAsync();
        cluster.PutConfiguration(SentryCluster.Namespace, "daprsystem", new JsonObject { ["mtls"] = new JsonObject { ["enabled"] = true, ["workloadCertTTL"] = "1h" } });
        cluster.PutTrustDomain("apps", "mine", "apps.example");
        cluster.PutPod("apps", "orders-1", annotations: [("dapr.io/app-id", "orders"), ("dapr.io/config", "mine")]);
        var options = new SentryOptions
        {
            IsKubernetes = true,
            Kubeconfig = cluster.KubeConfig,
            TrustDomain = SentryCluster.Sentry.TrustDomain,
            Namespace = SentryCluster.Namespace,
            Port = Loopback.FreePort(),
            ListenAddress = "127.0.0.1",
            HealthPort = Loopback.FreePort(),
            HealthAddress = "127.0.0.1",
            MetricsEnabled = false,
        };
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        await using var platform = new InKubernetes(options, n => n == "NAMESPACE" ? SentryCluster.Namespace : null, NullLoggerFactory.Instance, TimeProvider.System);
        var running = new SentryRun(options, platform, NullLoggerFactory.Instance, TimeProvider.System).RunAsync(stop.Token);
        using var http = new HttpClient();
        await Eventually.TrueAsync(
            async () =>
            {
                Assert.False(running.IsFaulted, running.Exception?.ToString());
                try
                {
                    return (await http.GetAsync($"http://127.0.0.1:{options.HealthPort}/healthz", Stop)).StatusCode == HttpStatusCode.OK;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            },
            "sentry is healthy, its caches included");

        using var certificate = await AskAsync(cluster, options, "orders");
        Assert.Contains(
            certificate.Extensions, e => e.Oid?.Value == "2.5.29.17" && System.Text.Encoding.ASCII.GetString(e.RawData).Contains("spiffe://apps.example/ns/apps/orders", StringComparison.Ordinal));
        Assert.True(certificate.NotAfter.ToUniversalTime() < DateTime.UtcNow.AddMinutes(61));

        var refused = await Assert.ThrowsAsync<SvidRequestException>(() => AskAsync(cluster, options, "payments"));
        Assert.Contains("app-id mismatch. expected: orders, received: payments", refused.Message, StringComparison.Ordinal);

        await stop.CancelAsync();
        await Record.ExceptionAsync(() => running);
    }

    [Theory]
    [InlineData(0u, null, false)]
    [InlineData(0u, "TRUE", false)]
    [InlineData(0u, "1", false)]
    [InlineData(0u, "true", true)]
    [InlineData(1000u, null, true)]
    public void Root_is_refused_but_for_the_override(uint user, string? value, bool passes)
    {
        var refusal = RootUser.Refusal(user, value);
        Assert.Equal(passes, refusal is null);
        if (!passes)
        {
            Assert.Equal(
                "current user UID(0) is root. Dapr must be run as a non-root user in Kubernetes environments. To override this check, set the environment variable 'DAPR_UNSAFE_SKIP_CONTAINER_UID_GID_CHECK=true'",
                refusal);
        }
    }

    private static async Task<X509Certificate2> AskAsync(SentryCluster cluster, SentryOptions options, string id)
    {
        var anchors = cluster.Server.Objects.Find("configmaps", SentryCluster.Namespace, KubernetesCaStore.ObjectName)!.Value.GetProperty("data").GetProperty("ca.crt").GetString()!;
        var directory = Directory.CreateTempSubdirectory("dapr-token-");
        try
        {
            var token = Path.Combine(directory.FullName, "token");
            await File.WriteAllTextAsync(token, cluster.Token("apps", "orders-1"), Stop);
            await using var source = TrustAnchorSource.FromText(anchors, TimeProvider.System, NullLogger.Instance);
            using var client = new SentryClient(
                new SentryClientOptions
                {
                    Address = $"127.0.0.1:{options.Port}",
                    Sentry = SentryCluster.Sentry,
                    AppId = id,
                    Namespace = "apps",
                    Token = new IdentityToken(isKubernetes: true, token),
                },
                source,
                TimeProvider.System);
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest("CN=x", key, HashAlgorithmName.SHA256).CreateSigningRequestPem();
            var issued = await client.IssueAsync(request, Stop);
            return X509Certificate2.CreateFromPem(System.Text.Encoding.ASCII.GetString(issued.CertificateChain.Span));
        }
        finally
        {
            directory.Delete(true);
        }
    }
}
