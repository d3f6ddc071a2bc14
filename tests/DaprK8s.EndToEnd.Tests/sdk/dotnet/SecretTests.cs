using Dapr;
using Dapr.Client;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.TestServers;
using Grpc.Core;

namespace DaprK8s.EndToEnd.Tests.Sdk.DotNet;

/// <summary>Secrets through <see cref="DaprClient"/>.</summary>
public class SecretTests : IDisposable
{
    private readonly string file = Path.GetTempFileName();

    public SecretTests() => File.WriteAllText(file, """
        {"redis-password":"s3cret","database":{"user":"ada","password":"pw"},"plain":"text"}
        """);

    [Fact]
    public async Task A_secret_of_a_file_is_read_and_nested_names_are_joined()
    {
        await using var daprd = await Daprd.With(resources: FileStore()).StartAsync();
        using var dapr = daprd.CreateSdkClient();

        Assert.Equal(new Dictionary<string, string> { ["plain"] = "text" }, await dapr.GetSecretAsync("secrets", "plain"));
        Assert.Equal(new Dictionary<string, string> { ["database:user"] = "ada" }, await dapr.GetSecretAsync("secrets", "database:user"));
    }

    [Fact]
    public async Task A_multivalued_secret_has_a_value_for_each_name()
    {
        await using var daprd = await Daprd.With(resources: FileStore(("multiValued", "true"))).StartAsync();
        using var dapr = daprd.CreateSdkClient();

        Assert.Equal(
            new Dictionary<string, string> { ["user"] = "ada", ["password"] = "pw" },
            await dapr.GetSecretAsync("secrets", "database"));
    }

    [Fact]
    public async Task All_secrets_are_read_at_once()
    {
        await using var daprd = await Daprd.With(resources: FileStore()).StartAsync();
        using var dapr = daprd.CreateSdkClient();

        var all = await dapr.GetBulkSecretAsync("secrets");

        Assert.Equal(["database:password", "database:user", "plain", "redis-password"], all.Keys.Order(StringComparer.Ordinal));
        Assert.Equal("s3cret", all["redis-password"]["redis-password"]);
    }

    [Fact]
    public async Task A_secret_of_the_environment_is_read()
    {
        await using var daprd = await Daprd
            .With(resources: Resource.Component("secrets", "secretstores.local.env"), env: new Dictionary<string, string> { ["SHOP_KEY"] = "k" })
            .StartAsync();
        using var dapr = daprd.CreateSdkClient();

        Assert.Equal("k", (await dapr.GetSecretAsync("secrets", "SHOP_KEY"))["SHOP_KEY"]);
    }

    [Fact]
    public async Task A_secret_outside_the_scope_is_refused()
    {
        var config = Resource.Configuration("""
            secrets:
              scopes:
              - storeName: secrets
                defaultAccess: deny
                allowedSecrets: ["plain"]
            """);
        await using var daprd = await Daprd.With(resources: FileStore(), config: config).StartAsync();
        using var dapr = daprd.CreateSdkClient();

        Assert.Equal("text", (await dapr.GetSecretAsync("secrets", "plain"))["plain"]);
        Assert.Equal(StatusCode.PermissionDenied, await StatusOfAsync(() => dapr.GetSecretAsync("secrets", "redis-password")));
        Assert.Equal(["plain"], (await dapr.GetBulkSecretAsync("secrets")).Keys);
    }

    [Fact]
    public async Task A_missing_secret_and_a_missing_store_are_errors()
    {
        await using var daprd = await Daprd.With(resources: FileStore()).StartAsync();
        using var dapr = daprd.CreateSdkClient();

        Assert.Equal(StatusCode.Internal, await StatusOfAsync(() => dapr.GetSecretAsync("secrets", "nothing")));
        Assert.Equal(StatusCode.InvalidArgument, await StatusOfAsync(() => dapr.GetSecretAsync("nowhere", "plain")));
    }

    [Fact]
    public async Task A_component_takes_its_password_from_a_secret()
    {
        await using var redis = await RedisServer.StartAsync("s3cret");
        var store = $"""
            apiVersion: dapr.io/v1alpha1
            kind: Component
            metadata:
              name: statestore
            spec:
              type: state.redis
              version: v1
              metadata:
              - name: redisHost
                value: {redis.Address}
              - name: redisPassword
                secretKeyRef:
                  name: redis-password
                  key: redis-password
            auth:
              secretStore: secrets
            """;
        await using var daprd = await Daprd.With(resources: Resource.All(store, FileStore())).StartAsync();
        using var dapr = daprd.CreateSdkClient();

        await dapr.SaveStateAsync("statestore", "k", 7);

        Assert.Equal(7, await dapr.GetStateAsync<int>("statestore", "k"));
        Assert.DoesNotContain("s3cret", daprd.Log.ToString(), StringComparison.Ordinal);
    }

    public void Dispose() => File.Delete(file);

    private string FileStore(params (string, string)[] more)
        => Resource.Component("secrets", "secretstores.local.file", [("secretsFile", file), .. more]);

    private static async Task<StatusCode> StatusOfAsync(Func<Task> call)
        => Assert.IsType<RpcException>((await Assert.ThrowsAsync<DaprException>(call)).InnerException).StatusCode;
}
