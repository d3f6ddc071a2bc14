using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using DaprK8s.Common.Kubernetes;
using DaprK8s.KubernetesApi.Requests;
using DaprK8s.Operator.Tests.Support;

namespace DaprK8s.Operator.Tests.Webhooks;

/// <summary>The certificate of the webhooks nears its end, has ended, or comes to stand under another root (contract: k8s 2.4, 2.12).</summary>
public sealed class WebhookCertificateTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_that_nears_its_end_is_replaced_without_a_restart()
    {
        await using var clock = new TestClock();
        await using var cluster = await OperatorCluster.StartAsync(clock);
        var running = await cluster.StartOperatorAsync("--disable-leader-election");
        var first = await SerialAsync(running);

        clock.Forward(cluster.Sentry.Lifetime / 2);

        await Eventually.TrueAsync(async () => await SerialAsync(running) != first, "another certificate is presented");
        Assert.Equal(HttpStatusCode.OK, await running.ProbeAsync());
    }

    [Fact]
    public async Task One_that_has_ended_makes_the_operator_not_ready_and_is_replaced_once_sentry_is_back()
    {
        await using var clock = new TestClock();
        await using var cluster = await OperatorCluster.StartAsync(clock);
        var running = await cluster.StartOperatorAsync("--disable-leader-election");
        var first = await SerialAsync(running);

        cluster.Sentry.IsOut = true;
        clock.Forward(cluster.Sentry.Lifetime * 2);
        await clock.ForwardUntilAsync(
            TimeSpan.FromSeconds(1), () => running.Warned.Any(l => l.StartsWith("Failed to renew the workload certificate, going on with the one that ended at", StringComparison.Ordinal)), "it is told");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await running.ProbeAsync());
        Assert.Equal(first, await SerialAsync(running));

        cluster.Sentry.IsOut = false;
        cluster.Sentry.Lifetime *= 4;
        await clock.ForwardUntilAsync(TimeSpan.FromSeconds(1), async () => await running.ProbeAsync() == HttpStatusCode.OK, "it is ready again");
        Assert.NotEqual(first, await SerialAsync(running));
        Assert.False(running.Running.IsCompleted);
    }

    [Fact]
    public async Task The_API_server_converts_and_validates_through_it_before_and_after_the_root_has_changed()
    {
        await using var clock = new TestClock();
        await using var cluster = await OperatorCluster.StartAsync(clock);
        cluster.PutValidation();
        var running = await cluster.StartOperatorAsync("--disable-leader-election");
        cluster.Server.Services.Register(OperatorCluster.ControlPlane, "dapr-webhook", 443, new IPEndPoint(IPAddress.Loopback, running.Options.WebhookPort));
        await cluster.IsToldAsync(cluster.Trust.Pem);
        await WebhooksWorkAsync(cluster, "before");

        using var next = new TestTrust("next root");
        await File.WriteAllTextAsync(cluster.AnchorsFile, cluster.Trust.Pem + next.Pem, Stop);
        await cluster.IsToldAsync(cluster.Trust.Pem + next.Pem);
        await WebhooksWorkAsync(cluster, "between");

        var first = await SerialAsync(running);
        cluster.Sentry.Trust = next;
        clock.Forward(cluster.Sentry.Lifetime / 2);
        await Eventually.TrueAsync(async () => await SerialAsync(running) != first, "another certificate is presented");
        await File.WriteAllTextAsync(cluster.AnchorsFile, next.Pem, Stop);
        await cluster.IsToldAsync(next.Pem);
        await WebhooksWorkAsync(cluster, "after");
    }

    private static async Task WebhooksWorkAsync(OperatorCluster cluster, string name)
    {
        using var client = new KubernetesClient(KubernetesConnection.Find(cluster.KubeConfigOf("user"), TimeProvider.System), TimeProvider.System);
        var subscriptions = ApiResources.Of("dapr.io", "v1alpha1", "subscriptions");
        await client.CreateAsync(
            subscriptions, "default", JsonNode.Parse($$$"""{"apiVersion":"dapr.io/v1alpha1","kind":"Subscription","metadata":{"name":"{{{name}}}"},"spec":{"pubsubname":"p","topic":"t","route":"/r"} }""")!.AsObject(), Stop);
        var stored = cluster.Server.Objects.Find("subscriptions.dapr.io", "default", name)!.Value;
        Assert.Equal("/r", stored.GetProperty("spec").GetProperty("routes").GetProperty("default").GetString());
        Assert.Equal("/r", (string?)(await client.GetAsync(subscriptions, "default", name, Stop))["spec"]!["route"]);

        var refused = await Assert.ThrowsAsync<ApiException>(() => CreateComponentAsync(cluster, name, "state.reddis"));
        Assert.Contains("state.redis", refused.Message, StringComparison.Ordinal);
        await CreateComponentAsync(cluster, name, "state.in-memory");
    }

    private static Task CreateComponentAsync(OperatorCluster cluster, string name, string type) => cluster.Server.Objects.CreateAsAsync(
        JsonNode.Parse($$$"""{"apiVersion":"dapr.io/v1alpha1","kind":"Component","metadata":{"name":"{{{name}}}","namespace":"default"},"spec":{"type":"{{{type}}}","version":"v1"} }""")!.AsObject(), "user", Stop);

    private static async Task<string> SerialAsync(RunningOperator running)
    {
        var serial = "";
        using var client = new HttpClient(new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                // Which one it is matters here; whether the API server trusts it is shown by its calls.
                RemoteCertificateValidationCallback = (_, certificate, _, _) =>
                {
                    serial = ((X509Certificate2)certificate!).SerialNumber;
                    return true;
                },
            },
        });
        using var response = await client.GetAsync($"https://127.0.0.1:{running.Options.WebhookPort}/convert", Stop);
        return serial;
    }
}
