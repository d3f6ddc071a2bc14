using System.Text;
using System.Text.Json.Nodes;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Components.Tests.Support;
using DaprK8s.KubernetesApi;

namespace DaprK8s.Components.Tests.SecretStores;

/// <summary>Kubernetes Secrets, from an API server over TLS.</summary>
public sealed class KubernetesSecretStoreTests : IAsyncLifetime
{
    private const string User = "system:serviceaccount:apps:default";
    private const string Token = "token-of-the-pod";

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("dapr-secrets-");
    private KubernetesApiServer server = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string KubeConfig => Path.Combine(directory.FullName, "config");

    public async ValueTask InitializeAsync()
    {
        server = await KubernetesApiServer.StartAsync();
        server.Tokens.Add(Token, User);
        server.WriteKubeConfig(KubeConfig, Token);
        Put("apps", "db", ("user", "root"), ("password", "pä=\n"));
        Put("apps", "empty");
        Put("other", "db", ("user", "somebody else"));
    }

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        directory.Delete(true);
    }

    [Fact]
    public async Task A_secret_is_read_with_all_its_keys()
    {
        await using var store = await StartAsync("apps");

        Assert.False(store.HasMultipleValuesPerSecret);
        Assert.Equal(new Dictionary<string, string> { ["user"] = "root", ["password"] = "pä=\n" }, await GetAsync(store, "db"));
        Assert.Empty(await GetAsync(store, "empty"));
    }

    [Fact]
    public async Task All_secrets_of_the_namespace_are_read_by_name()
    {
        await using var store = await StartAsync("apps");

        var all = await store.BulkGetAsync(new Dictionary<string, string>(), Cancel);

        Assert.Equal(["db", "empty"], all.Keys.Order());
        Assert.Equal("root", all["db"]["user"]);
    }

    [Fact]
    public async Task More_secrets_than_fit_in_a_page_are_all_read()
    {
        for (var i = 0; i < 1100; i++)
        {
            Put("many", $"s{i}", ("k", $"{i}"));
        }

        await using var store = await StartAsync("many");

        var all = await store.BulkGetAsync(new Dictionary<string, string>(), Cancel);

        Assert.Equal(1100, all.Count);
        Assert.Equal("1099", all["s1099"]["k"]);
    }

    [Fact]
    public async Task The_namespace_is_the_requests_then_the_sidecars_then_the_configured_one()
    {
        await using var own = await StartAsync("apps", ("defaultNamespace", "other"));
        Assert.Equal("root", (await GetAsync(own, "db"))["user"]);
        Assert.Equal("somebody else", (await GetAsync(own, "db", ("namespace", "other")))["user"]);
        Assert.Equal("root", (await GetAsync(own, "db", ("namespace", "")))["user"]);

        await using var configured = await StartAsync("", ("defaultNamespace", "other"));
        Assert.Equal("somebody else", (await GetAsync(configured, "db"))["user"]);

        await using var none = await StartAsync("");
        var e = await Assert.ThrowsAsync<InvalidOperationException>(async () => await GetAsync(none, "db"));
        Assert.Equal("namespace is missing on metadata and NAMESPACE env variable, and no default namespace is set", e.Message);
    }

    [Fact]
    public async Task A_secret_that_is_not_there_is_named_in_the_servers_words()
    {
        await using var store = await StartAsync("apps");

        var e = await Assert.ThrowsAsync<KeyNotFoundException>(async () => await GetAsync(store, "absent"));

        Assert.Contains("secrets \"absent\" not found", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Missing_rights_are_named_with_what_to_do()
    {
        server.Access.Restrict(User).Allow("secrets", "get", "apps");
        await using var store = await StartAsync("apps");
        Assert.Equal("root", (await GetAsync(store, "db"))["user"]);

        var list = await Assert.ThrowsAsync<UnauthorizedAccessException>(async () => await store.BulkGetAsync(new Dictionary<string, string>(), Cancel));
        Assert.Contains("cannot list resource \"secrets\"", list.Message, StringComparison.Ordinal);
        Assert.Contains("Allow the verb list on secrets in namespace apps to the pod's service account, by a Role and a RoleBinding there", list.Message, StringComparison.Ordinal);

        var get = await Assert.ThrowsAsync<UnauthorizedAccessException>(async () => await GetAsync(store, "db", ("namespace", "other")));
        Assert.Contains("Allow the verb get on secrets in namespace other", get.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../configmaps/db")]
    [InlineData("..")]
    [InlineData("a/b")]
    [InlineData("%2e%2e")]
    [InlineData("")]
    public async Task A_name_that_would_lead_elsewhere_is_refused(string name)
    {
        await using var store = await StartAsync("apps");

        await Assert.ThrowsAsync<ArgumentException>(async () => await GetAsync(store, name));
        await Assert.ThrowsAnyAsync<Exception>(async () => await GetAsync(store, "db", ("namespace", name.Length > 0 ? name : "../x")));
    }

    [Fact]
    public async Task A_store_that_nobody_asks_connects_nowhere()
    {
        var before = server.Faults.Requests.Count;
        await using var store = await StartAsync("apps");

        Assert.Equal(before, server.Faults.Requests.Count);
    }

    [Fact]
    public async Task Without_a_cluster_the_store_does_not_start_and_says_what_was_looked_for()
    {
        await Assert.ThrowsAsync<KubernetesConfigurationException>(
            () => ComponentUnderTest.StartAsync<ISecretStore>(
                "secretstores.kubernetes", new Dictionary<string, string> { ["kubeconfigPath"] = Path.Combine(directory.FullName, "absent") }));
    }

    private async Task<ISecretStore> StartAsync(string @namespace, params (string Name, string Value)[] metadata)
    {
        Assert.True(ProviderCatalog.TryFind("secretstores.kubernetes", "v1", out var entry));
        var store = Assert.IsAssignableFrom<ISecretStore>(entry.Describe().Create());
        await store.InitAsync(
            new ComponentContext
            {
                Name = "kubernetes",
                Type = "secretstores.kubernetes",
                Version = "v1",
                Metadata = new DaprK8s.Components.Metadata.ComponentMetadata(
                    metadata.Append(("kubeconfigPath", KubeConfig)).Select(m => KeyValuePair.Create(m.Item1, m.Item2))),
                Namespace = @namespace,
                Logger = new RecordingLogger(),
            },
            Cancel);
        return store;
    }

    private static async Task<IReadOnlyDictionary<string, string>> GetAsync(ISecretStore store, string name, params (string Name, string Value)[] metadata)
        => await store.GetAsync(name, metadata.ToDictionary(m => m.Name, m => m.Value), Cancel);

    private void Put(string @namespace, string name, params (string Key, string Value)[] keys) => server.Objects.Put(new JsonObject
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Secret",
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = @namespace },
        ["data"] = new JsonObject(keys.Select(k => KeyValuePair.Create(k.Key, (JsonNode?)Convert.ToBase64String(Encoding.UTF8.GetBytes(k.Value))))),
    });
}
