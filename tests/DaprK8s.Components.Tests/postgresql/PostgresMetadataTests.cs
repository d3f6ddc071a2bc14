using DaprK8s.Components.Metadata;
using DaprK8s.Components.Tests.Support;

namespace DaprK8s.Components.Tests.PostgreSql;

/// <summary>Component metadata, on a server.</summary>
[Collection(PostgresCollection.Name)]
public sealed class PostgresMetadataTests(PostgresFixture fixture) : PostgresStateTests
{
    [Theory]
    [InlineData("state.postgresql", "v1")]
    [InlineData("state.postgresql", "")]
    [InlineData("state.postgres", "v1")]
    [InlineData("state.postgresql", "v2")]
    [InlineData("State.Postgres", "V2")]
    public void The_store_is_found_by_type_and_version(string type, string version)
    {
        Assert.True(ProviderCatalog.TryFind(type, version, out var entry));
        Assert.Contains(entry.Describe().Fields, f => f.Name == (version.EndsWith('2') ? "tablePrefix" : "tableName"));
    }

    [Theory]
    [InlineData("v1")]
    [InlineData("v2")]
    public void Every_documented_field_is_declared(string version)
    {
        Assert.True(ProviderCatalog.TryFind("state.postgresql", version, out var entry));
        string[] documented =
        [
            "timeout", version == "v1" ? "tableName" : "tablePrefix", "metadataTableName", "cleanupInterval", "maxConns", "connectionMaxIdleTime", "queryExecMode",
            "host", "hostaddr", "port", "database", "user", "password", "sslRootCert", "connectionString", "useAzureAD", "useAWSIAM",
        ];

        Assert.Equal(documented.Order(StringComparer.Ordinal), entry.Describe().Fields.Select(f => f.Name).Order(StringComparer.Ordinal));
        Assert.Equal(["connectionString", "password"], entry.Describe().Fields.Where(f => f.Sensitive).Select(f => f.Name));
    }

    [Theory]
    [InlineData("tableName", "state; DROP TABLE x", "v1")]
    [InlineData("tableName", "state s", "v1")]
    [InlineData("tableName", "a.b.c.d", "v1")]
    [InlineData("tableName", "\"open", "v1")]
    [InlineData("tableName", "1state", "v1")]
    [InlineData("tableName", "schema.", "v1")]
    [InlineData("metadataTableName", "meta--", "v1")]
    [InlineData("tablePrefix", "a b_", "v2")]
    [InlineData("tablePrefix", "a..", "v2")]
    [InlineData("metadataTableName", "m'", "v2")]
    public async Task A_table_name_that_is_none_is_refused(string field, string value, string version)
    {
        var error = await Assert.ThrowsAsync<ComponentMetadataException>(
            () => fixture.Shared.StartStoreAsync(version, new Dictionary<string, string> { [field] = value }));

        Assert.Equal(field, error.Field);
        Assert.Contains("is not a table name", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_store_connects_by_URL_and_by_single_fields()
    {
        await using var database = await fixture.NewDatabaseAsync();
        var server = fixture.Server;
        Dictionary<string, string>[] forms =
        [
            new() { ["url"] = $"postgres://{server.User}:{server.Password}@{server.Host}:{server.Port}/{database.Name}?sslmode=disable&application_name=one" },
            new() { ["connectionString"] = $"postgresql://{server.Host}/{database.Name}?application_name=one", ["user"] = server.User, ["password"] = server.Password, ["port"] = $"{server.Port}" },
            new()
            {
                ["host"] = "nowhere.invalid", ["hostaddr"] = server.Host, ["port"] = $"{server.Port}", ["user"] = server.User, ["password"] = server.Password,
                ["database"] = database.Name,
            },
            new() { ["connectionString"] = $"host={server.Host},{server.Host} port=1,{server.Port} user={server.User} password={server.Password} dbname={database.Name} target_session_attrs=read-write" },
            new() { ["connectionString"] = $"{database.Keywords} target_session_attrs=read-write" },
            new() { ["connectionString"] = $"{database.Keywords} search_path=public timezone=Asia/Tokyo work_mem='5 MB' options='-c geqo=off'" },
            new() { ["connectionString"] = database.Keywords, ["queryExecMode"] = "simple_protocol", ["maxConns"] = "2" },
        ];
        foreach (var (form, i) in forms.Select((f, i) => (f, i)))
        {
            await using var store = await ComponentUnderTest.StartAsync<IStateStore>("state.postgresql", form);
            await store.SetAsync(SetOf("k", $"{i}", ttl: 100), Cancel);
            Assert.Equal($"{i}", await TextAsync(store, "k"));
            Assert.InRange((await GetAsync(store, "k")).Expires!.Value, DateTimeOffset.UtcNow.AddSeconds(50), DateTimeOffset.UtcNow.AddSeconds(110));
        }
    }

    [Fact]
    public async Task Parameters_of_the_connection_string_reach_the_session()
    {
        await using var database = await fixture.NewDatabaseAsync();
        await using var store = await database.StartStoreAsync("v1", new Dictionary<string, string>
        {
            ["connectionString"] = database.Keywords + " application_name='my app' default_transaction_read_only=off work_mem='5 MB'",
        });

        Assert.Equal(1, await database.ScalarAsync<long>("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'my app'"));
    }

    [Theory]
    [InlineData("password", "wr0ng-one")]
    [InlineData("port", "1")]
    [InlineData("hostaddr", "203.0.113.1")]
    public async Task A_failure_to_connect_does_not_show_the_password(string field, string value)
    {
        var log = new RecordingLogger();

        var error = await Assert.ThrowsAsync<InvalidOperationException>(
            () => fixture.Shared.StartStoreAsync("v1", new Dictionary<string, string> { [field] = value, ["timeout"] = "1s" }, logger: log));

        Assert.StartsWith("failed to connect to the database: ", error.Message, StringComparison.Ordinal);
        var everything = error + string.Join('\n', log.Lines);
        Assert.DoesNotContain(fixture.Server.Password, everything, StringComparison.Ordinal);
        Assert.DoesNotContain("wr0ng-one", everything, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("v1")]
    [InlineData("v2")]
    public async Task Statements_are_prepared_in_the_server(string version)
    {
        await using var database = await fixture.NewDatabaseAsync();
        await using var store = await database.StartStoreAsync(version, new Dictionary<string, string> { ["connectionString"] = database.Keywords + " log_statement=all" });
        for (var i = 0; i < 5; i++)
        {
            await store.SetAsync(SetOf("prepared-probe", "1"), Cancel);
        }

        await Eventually.TrueAsync(
            () => fixture.Server.Output.Split('\n').Any(l => l.Contains("execute _auto", StringComparison.Ordinal) && l.Contains("INSERT INTO", StringComparison.Ordinal)),
            "the server logs the execution of a named statement");
    }
}
