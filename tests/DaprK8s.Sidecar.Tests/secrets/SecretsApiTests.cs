using DaprK8s.Common.Metrics;
using DaprK8s.Common.Resources;
using DaprK8s.Components;
using DaprK8s.Protos.Runtime.V1;
using DaprK8s.Sidecar.Api.Grpc;
using DaprK8s.Sidecar.Api.Http;
using DaprK8s.Sidecar.Observability;
using DaprK8s.Sidecar.Resiliency;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Secrets;
using DaprK8s.Sidecar.State;
using DaprK8s.Sidecar.Tests.State;
using Grpc.Core;
using Microsoft.Extensions.Logging.Abstractions;

namespace DaprK8s.Sidecar.Tests.Secrets;

public sealed class SecretsApiTests
{
    private const string Name = "vault";

    private readonly MetricsRegistry metrics = new(new MetricsOptions(), NullLogger.Instance);
    private readonly ComponentRegistry registry = new();
    private readonly ScriptedSecretStore store = new ScriptedSecretStore()
        .With("db", ("user", "u"), ("password", "p\"w<"))
        .With("hidden", ("hidden", "h"))
        .With("empty");

    private readonly ComponentHandle handle;
    private readonly HttpProbe http;
    private readonly DaprService grpc;
    private readonly CallContext call = new();

    public SecretsApiTests()
    {
        var self = new SidecarInfo("app1", "prod");
        var road = new ComponentRoad(NoResiliency.Instance, new ComponentMetrics(metrics, self), TimeProvider.System);
        var scopes = SecretScopes.Create(new SecretsSpec { Scopes = [new SecretScopeSpec { StoreName = Name, DeniedSecrets = ["hidden", "a\"b"] }] });
        var block = new SecretsBlock(registry, road, scopes);
        handle = new ComponentHandle(StateBench.Resource(Name), ComponentKind.SecretStore, TimeProvider.System);
        handle.MarkReady(store);
        registry.Replace([handle]);
        http = new HttpProbe(new SecretRoutes(block).Routes);
        grpc = GrpcProbe.Service(new StateBlock(registry, road, self), block);
    }

    [Fact]
    public async Task A_secret_has_all_its_keys_on_both_surfaces()
    {
        var answer = await http.SendAsync("GET", "/v1.0/secrets/vault/db?metadata.version=2");
        Assert.Equal((200, """{"user":"u","password":"p\"w<"}""", "application/json"), (answer.Status, answer.Body, answer.Headers.ContentType.ToString()));
        Assert.Equal("2", store.Asked.Single().Metadata["version"]);

        var message = await grpc.GetSecret(new GetSecretRequest { StoreName = Name, Key = "db", Metadata = { ["version"] = "3" } }, call);
        Assert.Equal(new GetSecretResponse { Data = { ["user"] = "u", ["password"] = "p\"w<" } }, message);
        Assert.Equal("3", store.Asked[^1].Metadata["version"]);
    }

    [Fact]
    public async Task A_secret_without_keys_is_204()
        => Assert.Equal((204, ""), ((await http.SendAsync("GET", "/v1.0/secrets/vault/empty")) is var a ? a.Status : 0, a.Body));

    [Fact]
    public async Task A_bulk_read_leaves_out_what_the_app_may_not_see()
    {
        var answer = await http.SendAsync("GET", "/v1.0/secrets/vault/bulk");
        Assert.Equal((200, """{"db":{"user":"u","password":"p\"w<"},"empty":{}}"""), (answer.Status, answer.Body));
        var message = await grpc.GetBulkSecret(new GetBulkSecretRequest { StoreName = Name }, call);
        Assert.Equal(["db", "empty"], message.Data.Keys.Order());
        Assert.Equal("u", message.Data["db"].Secrets["user"]);
    }

    [Fact]
    public async Task A_store_with_nothing_in_it_has_an_empty_bulk_answer()
    {
        store.Content.Clear();
        Assert.Equal((200, "{}"), ((await http.SendAsync("GET", "/v1.0/secrets/vault/bulk")) is var a ? a.Status : 0, a.Body));
    }

    [Fact]
    public async Task A_denied_secret_does_not_reach_the_store()
    {
        await ExpectAsync("hidden", 403, "ERR_PERMISSION_DENIED", "access denied by policy to get \"hidden\" from \"vault\"", StatusCode.PermissionDenied);
        await ExpectAsync("a\"b", 403, "ERR_PERMISSION_DENIED", "access denied by policy to get \"a\\\"b\" from \"vault\"", StatusCode.PermissionDenied);
        Assert.Empty(store.Asked);
    }

    [Fact]
    public async Task A_secret_that_is_not_there_and_a_store_that_fails()
    {
        await ExpectAsync("nope", 500, "ERR_SECRET_GET", "failed getting secret with key nope from secret store vault: secret nope not found", StatusCode.Internal);
        store.Failure = new IOException("down");
        var answer = await http.SendAsync("GET", "/v1.0/secrets/vault/bulk");
        Assert.Equal((500, """{"errorCode":"ERR_SECRET_GET","message":"failed getting secrets from secret store vault: down"}"""), (answer.Status, answer.Body));
        var (code, text, details) = await GrpcProbe.ErrorOfAsync(() => grpc.GetBulkSecret(new GetBulkSecretRequest { StoreName = Name }, call));
        Assert.Equal((StatusCode.Internal, "failed getting secrets from secret store vault: down", 0), (code, text, details.Count));
    }

    [Fact]
    public async Task No_store_and_no_such_store()
    {
        await ExpectAsync("db", 401, "ERR_SECRET_STORE_NOT_FOUND", "failed finding secret store with key other", StatusCode.InvalidArgument, "other");
        registry.Replace([]);
        await ExpectAsync("db", 500, "ERR_SECRET_STORES_NOT_CONFIGURED", "secret store is not configured", StatusCode.FailedPrecondition);
    }

    [Fact]
    public async Task A_store_that_failed_says_why()
    {
        handle.MarkFailed("no route to vault");
        var answer = await http.SendAsync("GET", "/v1.0/secrets/vault/db");
        Assert.Equal(500, answer.Status);
        Assert.StartsWith("""{"errorCode":"ERR_SECRET_STORES_NOT_CONFIGURED","message":"component vault is not ready since """, answer.Body, StringComparison.Ordinal);
        Assert.Contains("no route to vault", answer.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reads_are_counted()
    {
        await http.SendAsync("GET", "/v1.0/secrets/vault/db");
        await http.SendAsync("GET", "/v1.0/secrets/vault/bulk");
        var page = new MemoryStream();
        await metrics.WriteAsync(page, TestContext.Current.CancellationToken);
        var text = System.Text.Encoding.UTF8.GetString(page.ToArray());
        Assert.Contains("dapr_component_secret_count{app_id=\"app1\",component=\"vault\",namespace=\"prod\",operation=\"get\",success=\"true\"} 1", text, StringComparison.Ordinal);
        Assert.Contains("operation=\"bulk_get\",success=\"true\"} 1", text, StringComparison.Ordinal);
    }

    private async Task ExpectAsync(string secret, int status, string errorCode, string text, StatusCode code, string storeName = Name)
    {
        var answer = await http.SendAsync("GET", $"/v1.0/secrets/{storeName}/{Uri.EscapeDataString(secret)}");
        Assert.Equal((status, $$"""{"errorCode":"{{errorCode}}","message":"{{text.Replace("\\", "\\\\").Replace("\"", "\\\"")}}"}"""), (answer.Status, answer.Body));
        var seen = await GrpcProbe.ErrorOfAsync(() => grpc.GetSecret(new GetSecretRequest { StoreName = storeName, Key = secret }, call));
        Assert.Equal((code, text, 0), (seen.Code, seen.Text, seen.Details.Count));
    }
}
