using DaprK8s.Components.Tests.Support;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.Tests.SecretStores;

/// <summary>Secrets from environment variables.</summary>
public sealed class LocalEnvironmentSecretStoreTests : IDisposable
{
    private readonly string unique = $"T{Guid.NewGuid():N}_";
    private readonly List<string> variables = [];
    private readonly RecordingLogger logger = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        foreach (var variable in variables)
        {
            Environment.SetEnvironmentVariable(variable, null);
        }
    }

    [Fact]
    public async Task A_variable_is_a_secret_under_its_own_name()
    {
        Define(unique + "A", "v=1 ü");
        await using var store = await StartAsync();

        Assert.False(store.HasMultipleValuesPerSecret);
        Assert.Equal(new Dictionary<string, string> { [unique + "A"] = "v=1 ü" }, await GetAsync(store, unique + "A"));
    }

    [Fact]
    public async Task A_variable_that_is_not_set_is_an_empty_secret()
    {
        await using var store = await StartAsync();

        Assert.Equal(new Dictionary<string, string> { [unique + "NONE"] = "" }, await GetAsync(store, unique + "NONE"));
        Assert.Equal(new Dictionary<string, string> { [""] = "" }, await GetAsync(store, ""));
    }

    [Fact]
    public async Task A_variable_is_read_when_asked_for()
    {
        await using var store = await StartAsync();
        Define(unique + "LATE", "1");

        Assert.Equal("1", (await GetAsync(store, unique + "LATE"))[unique + "LATE"]);
    }

    [Fact]
    public async Task A_prefix_is_put_before_the_names_and_left_out_of_the_answers()
    {
        Define(unique + "A", "1");
        Define(unique + "B", "2");
        Define(unique, "the prefix alone");
        Define(unique.ToLowerInvariant() + "C", "another case");
        await using var store = await StartAsync(unique);

        Assert.Equal(new Dictionary<string, string> { ["A"] = "1" }, await GetAsync(store, "A"));
        var all = await store.BulkGetAsync(EmptyMetadata.Instance, Cancel);
        Assert.Equal(["A", "B"], all.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(new Dictionary<string, string> { ["B"] = "2" }, all["B"]);
    }

    [Theory]
    [InlineData("", "DAPR_TEST_SECRET")]
    [InlineData("", "dapr_test_secret")]
    [InlineData("", "APP_API_TOKEN")]
    [InlineData("DAPR_", "TEST_SECRET")]
    [InlineData("APP_", "API_TOKEN")]
    public async Task The_variables_of_the_sidecar_are_not_given_out(string prefix, string name)
    {
        Define(prefix + name, "hidden");
        Define(unique + "X", "seen");
        await using var store = await StartAsync(prefix);

        Assert.Equal(new Dictionary<string, string> { [name] = "" }, await GetAsync(store, name));
        var warning = Assert.Single(logger.Lines, l => l.Level == LogLevel.Warning);
        Assert.DoesNotContain("hidden", warning.Text, StringComparison.Ordinal);
        var all = await store.BulkGetAsync(EmptyMetadata.Instance, Cancel);
        Assert.DoesNotContain(name, all.Keys);
        Assert.Equal(prefix.Length == 0, all.ContainsKey(unique + "X"));
    }

    private void Define(string variable, string value)
    {
        variables.Add(variable);
        Environment.SetEnvironmentVariable(variable, value);
    }

    private Task<ISecretStore> StartAsync(string prefix = "")
        => ComponentUnderTest.StartAsync<ISecretStore>(
            "secretstores.local.env", prefix.Length == 0 ? [] : [new("prefix", prefix)], logger: logger);

    private static async Task<IReadOnlyDictionary<string, string>> GetAsync(ISecretStore store, string name)
        => await store.GetAsync(name, EmptyMetadata.Instance, Cancel);
}
