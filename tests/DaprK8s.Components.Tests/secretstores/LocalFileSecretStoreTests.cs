using DaprK8s.Components.Metadata;
using DaprK8s.Components.Tests.Support;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.Tests.SecretStores;

/// <summary>Secrets from a JSON file.</summary>
public sealed class LocalFileSecretStoreTests : IAsyncDisposable
{
    private const string Nested = """
        {
          "plain": "p@ss'%😀",
          "redis": { "password": "r", "hosts": ["a", { "name": "b" }], "empty": {} },
          "list": ["x", "y"],
          "number": 5, "fraction": 1.50, "flag": true, "nothing": null
        }
        """;

    private readonly TemporaryFile file = new();
    private readonly RecordingLogger logger = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => file.DisposeAsync();

    [Fact]
    public async Task Each_leaf_is_a_secret_named_by_its_path()
    {
        await using var store = await StartAsync(Nested);

        Assert.False(store.HasMultipleValuesPerSecret);
        Assert.Equal(
            [
                "flag=true", "fraction=1.50", "list:0=x", "list:1=y", "nothing=", "number=5", "plain=p@ss'%😀", "redis:hosts:0=a",
                "redis:hosts:1:name=b", "redis:password=r",
            ],
            await AllAsync(store));
        Assert.Equal(new Dictionary<string, string> { ["redis:password"] = "r" }, await GetAsync(store, "redis:password"));
    }

    [Fact]
    public async Task The_separator_can_be_chosen()
    {
        await using var store = await StartAsync(Nested, ("nestedSeparator", "__"));

        Assert.Equal("b", (await GetAsync(store, "redis__hosts__1__name"))["redis__hosts__1__name"]);
        await Assert.ThrowsAsync<SecretNotFoundException>(() => GetAsync(store, "redis:password"));
    }

    [Fact]
    public async Task Multi_valued_secrets_are_the_top_level_objects_and_strings()
    {
        await using var store = await StartAsync(Nested, ("multiValued", "true"));

        Assert.True(store.HasMultipleValuesPerSecret);
        Assert.Equal(
            new Dictionary<string, string> { ["password"] = "r", ["hosts:0"] = "a", ["hosts:1:name"] = "b" }, await GetAsync(store, "redis"));
        Assert.Equal(new Dictionary<string, string> { ["plain"] = "p@ss'%😀" }, await GetAsync(store, "plain"));
        var all = await store.BulkGetAsync(EmptyMetadata.Instance, Cancel);
        Assert.Equal(["plain", "redis"], all.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(3, all["redis"].Count);
    }

    [Fact]
    public async Task An_unknown_secret_is_an_error()
    {
        await using var store = await StartAsync(Nested);

        foreach (var name in (string[])["missing", "redis", "Plain", ""])
        {
            var error = await Assert.ThrowsAsync<SecretNotFoundException>(() => GetAsync(store, name));
            Assert.Equal($"secret {name} not found", error.Message);
        }
    }

    [Fact]
    public async Task Of_two_values_of_one_name_the_last_counts_and_all_others_are_kept()
    {
        await using var store = await StartAsync("""{"a": {"b": "1"}, "a:b": "2", "z": "3"}""");

        Assert.Equal(["a:b=2", "z=3"], await AllAsync(store));
        var warning = Assert.Single(logger.Lines, l => l.Level == LogLevel.Warning);
        Assert.Contains("a:b", warning.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_file_is_read_once()
    {
        await using var store = await StartAsync("""{"a": "1"}""");

        File.Delete(file.Path);

        Assert.Equal(["a=1"], await AllAsync(store));
    }

    [Fact]
    public async Task A_path_is_seen_from_the_working_directory()
    {
        await File.WriteAllTextAsync(file.Path, """{"a": "1"}""", Cancel);
        var relative = Path.GetRelativePath(Directory.GetCurrentDirectory(), file.Path);

        await using var store = await ComponentUnderTest.StartAsync<ISecretStore>("secretstores.local.file", [new("secretsFile", relative)]);

        Assert.Equal(["a=1"], await AllAsync(store));
    }

    [Fact]
    public async Task Without_a_file_name_it_does_not_start()
    {
        var error = await Assert.ThrowsAsync<ComponentMetadataException>(
            () => ComponentUnderTest.StartAsync<ISecretStore>("secretstores.local.file"));

        Assert.Contains("missing local secrets file in metadata", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_not_there_is_an_error()
        => await Assert.ThrowsAsync<FileNotFoundException>(
            () => ComponentUnderTest.StartAsync<ISecretStore>("secretstores.local.file", [new("secretsFile", file.Path)]));

    [Theory]
    [InlineData("[\"s3cret\"]")]
    [InlineData("\"s3cret\"")]
    [InlineData("{\"a\": \"s3cret\",\n s3cret}")]
    [InlineData("")]
    public async Task A_file_that_is_no_JSON_object_is_an_error_that_shows_nothing_of_it(string content)
    {
        var error = await Assert.ThrowsAsync<ComponentMetadataException>(() => StartAsync(content));

        Assert.Equal("secretsFile", error.Field);
        Assert.DoesNotContain("s3cret", error.ToString(), StringComparison.Ordinal);
    }

    private async Task<ISecretStore> StartAsync(string content, params (string Name, string Value)[] metadata)
    {
        await File.WriteAllTextAsync(file.Path, content, Cancel);
        return await ComponentUnderTest.StartAsync<ISecretStore>(
            "secretstores.local.file",
            [new("secretsFile", file.Path), .. metadata.Select(m => KeyValuePair.Create(m.Name, m.Value))],
            logger: logger);
    }

    private static async Task<IReadOnlyDictionary<string, string>> GetAsync(ISecretStore store, string name)
        => await store.GetAsync(name, EmptyMetadata.Instance, Cancel);

    private static async Task<string[]> AllAsync(ISecretStore store)
    {
        var all = await store.BulkGetAsync(EmptyMetadata.Instance, Cancel);
        Assert.All(all, s => Assert.Equal(s.Key, Assert.Single(s.Value).Key));
        return [.. all.Select(s => $"{s.Key}={s.Value[s.Key]}").Order(StringComparer.Ordinal)];
    }
}
