using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using DaprK8s.Operator.Tests.Support;

namespace DaprK8s.Operator.Tests.Webhooks;

/// <summary>The conversion webhook, and how the API server is told of it (contract: k8s 2.12).</summary>
public sealed class WebhookTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Subscriptions_are_converted_over_TLS_with_a_certificate_for_an_RSA_key()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        var running = await cluster.StartOperatorAsync();
        var (status, answer, certificate) = await PostAsync(cluster, running, """
            {"apiVersion":"apiextensions.k8s.io/v1","kind":"ConversionReview","request":{"uid":"u-1","desiredAPIVersion":"dapr.io/v2alpha1","objects":[
             {"apiVersion":"dapr.io/v1alpha1","kind":"Subscription","metadata":{"name":"a"},"spec":{"pubsubname":"p","topic":"t","route":"/a"},"scopes":["x"]},
             {"apiVersion":"dapr.io/v1alpha1","kind":"Subscription","metadata":{"name":"b"},"spec":{"pubsubname":"p","topic":"t","route":"/b"}}]}}
            """);

        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal("u-1", (string?)answer!["response"]!["uid"]);
        Assert.Equal("Success", (string?)answer["response"]!["result"]!["status"]);
        Assert.False(answer.ContainsKey("request"));
        var converted = answer["response"]!["convertedObjects"]!.AsArray();
        Assert.Equal(["/a", "/b"], converted.Select(o => (string?)o!["spec"]!["routes"]!["default"]));
        Assert.Equal("x", (string?)converted[0]!["scopes"]![0]);
        Assert.NotNull(certificate!.GetRSAPublicKey());
        Assert.True(certificate!.MatchesHostname("dapr-webhook.dapr-system.svc"));
    }

    [Theory]
    [InlineData("""{"request":{"uid":"u","desiredAPIVersion":"dapr.io/v2alpha1","objects":[{"apiVersion":"dapr.io/v2alpha1","kind":"Subscription"}]}}""")]
    [InlineData("""{"request":{"uid":"u","desiredAPIVersion":"dapr.io/v2alpha1","objects":[{"apiVersion":"dapr.io/v1alpha1","kind":"Component"}]}}""")]
    public async Task What_cannot_be_converted_is_a_failure_in_the_answer(string review)
    {
        await using var cluster = await OperatorCluster.StartAsync();
        var running = await cluster.StartOperatorAsync();
        var (status, answer, _) = await PostAsync(cluster, running, review);
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal(("u", "Failure"), ((string?)answer!["response"]!["uid"], (string?)answer["response"]!["result"]!["status"]));
        Assert.NotEmpty((string)answer["response"]!["result"]!["message"]!);
    }

    [Fact]
    public async Task A_component_of_no_known_type_is_refused_and_one_that_is_allowed_is_not()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        var running = await cluster.StartOperatorAsync("--validation-allowed-types", "state.custom");
        async Task<JsonObject> JudgeAsync(string type) => (await PostAsync(
            cluster, running,
            $$$"""{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","operation":"CREATE","namespace":"default","object":{"apiVersion":"dapr.io/v1alpha1","kind":"Component","metadata":{"name":"c"},"spec":{"type":"{{{type}}}","version":"v1"} } } }""",
            "/validate")).Answer!["response"]!.AsObject();

        var refused = await JudgeAsync("state.reddis");
        Assert.False((bool)refused["allowed"]!);
        Assert.Contains("state.redis", (string?)refused["status"]!["message"], StringComparison.Ordinal);
        Assert.True((bool)(await JudgeAsync("state.custom"))["allowed"]!);
        Assert.Equal(HttpStatusCode.BadRequest, (await PostAsync(cluster, running, "{}", "/validate")).Status);
    }

    [Fact]
    public async Task What_is_no_review_is_a_bad_request()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        var running = await cluster.StartOperatorAsync();
        Assert.Equal(HttpStatusCode.BadRequest, (await PostAsync(cluster, running, "{")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await PostAsync(cluster, running, "[]")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await PostAsync(cluster, running, "{}")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await PostAsync(cluster, running, "{}", "/other")).Status);
    }

    [Fact]
    public async Task The_CRD_and_the_validation_are_told_the_trust_anchors_again_when_they_change_and_when_they_are_applied_anew()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.PutValidation();
        await cluster.StartOperatorAsync();
        await cluster.IsToldAsync(cluster.Trust.Pem);

        using var next = new TestTrust("next root");
        await File.WriteAllTextAsync(cluster.AnchorsFile, cluster.Trust.Pem + next.Pem, Stop);
        await cluster.IsToldAsync(cluster.Trust.Pem + next.Pem);

        cluster.PutCrd();
        cluster.PutValidation();
        await cluster.IsToldAsync(cluster.Trust.Pem + next.Pem);
    }

    [Fact]
    public async Task Nothing_is_patched_that_is_right_already()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        var first = await cluster.StartOperatorAsync();
        await first.StopAsync();
        var patches = cluster.Server.Faults.Count("patch", "customresourcedefinitions.apiextensions.k8s.io");
        await cluster.StartOperatorAsync();
        Assert.Equal(1, patches);
        Assert.Equal(1, cluster.Server.Faults.Count("patch", "customresourcedefinitions.apiextensions.k8s.io"));
    }

    [Fact]
    public async Task A_CRD_without_a_webhook_is_fatal_and_so_are_a_missing_one_and_a_refused_patch()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.Server.Objects.Change("customresourcedefinitions.apiextensions.k8s.io", "", "subscriptions.dapr.io", c => c["spec"]!.AsObject().Remove("conversion"));
        Assert.Equal(
            "crd \"subscriptions.dapr.io\" does not have an existing webhook client config. Applying resources of this type will fail", await FatalAsync(cluster));

        cluster.PutCrd();
        cluster.Server.Access.Deny("patch", "customresourcedefinitions.apiextensions.k8s.io");
        var refused = await FatalAsync(cluster);
        Assert.StartsWith("failed to patch webhook in CRD \"subscriptions.dapr.io\": ", refused, StringComparison.Ordinal);
        Assert.Contains("a role must allow 'patch' on 'customresourcedefinitions.apiextensions.k8s.io'", refused, StringComparison.Ordinal);
        cluster.Server.Access.Permit("patch", "customresourcedefinitions.apiextensions.k8s.io");

        cluster.Server.Access.Deny("get", "customresourcedefinitions.apiextensions.k8s.io");
        Assert.StartsWith("could not get CRD \"subscriptions.dapr.io\": ", await FatalAsync(cluster), StringComparison.Ordinal);
    }

    private static async Task<string> FatalAsync(OperatorCluster cluster)
    {
        var running = cluster.CreateOperator("--disable-leader-election");
        return (await Assert.ThrowsAnyAsync<Exception>(() => running.Running.WaitAsync(TimeSpan.FromSeconds(30), Stop))).Message;
    }

    private static async Task<(HttpStatusCode Status, JsonObject? Answer, X509Certificate2? Certificate)> PostAsync(
        OperatorCluster cluster, RunningOperator running, string body, string path = "/convert")
    {
        X509Certificate2? shown = null;
        using var client = new HttpClient(new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                TargetHost = "dapr-webhook.dapr-system.svc",
                CertificateChainPolicy = cluster.Trust.Anchors.CreatePolicy(new("1.3.6.1.5.5.7.3.1")),
                RemoteCertificateValidationCallback = (_, certificate, _, errors) =>
                {
                    shown = X509CertificateLoader.LoadCertificate(certificate!.GetRawCertData());
                    return errors is SslPolicyErrors.None or SslPolicyErrors.RemoteCertificateNameMismatch;
                },
            },
        });
        using var response = await client.PostAsync(
            $"https://127.0.0.1:{running.Options.WebhookPort}{path}", new StringContent(body, Encoding.UTF8, "application/json"), Stop);
        var text = await response.Content.ReadAsStringAsync(Stop);
        return (response.StatusCode, text.Length > 0 ? JsonNode.Parse(text)!.AsObject() : null, shown);
    }
}
