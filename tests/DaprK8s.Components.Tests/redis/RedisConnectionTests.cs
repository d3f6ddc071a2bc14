using System.Text;
using DaprK8s.Components.Metadata;
using DaprK8s.Components.Tests.Support;
using DaprK8s.TestServers;

namespace DaprK8s.Components.Tests.Redis;

/// <summary>Settings of the connection, and what is said when there is none. Both components share it; each is asked.</summary>
public sealed class RedisConnectionTests
{
    private const string Secret = "s3cret-Pa55word";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static TheoryData<string, string> Components => new()
    {
        { "state.redis", "redis store" },
        { "pubsub.redis", "redis streams" },
    };

    [Theory]
    [MemberData(nameof(Components))]
    public async Task A_server_that_is_down_fails_the_start_and_the_error_says_where_and_why(string type, string title)
    {
        var port = Loopback.FreePort();

        var error = await FailAsync(type, ("redisHost", $"127.0.0.1:{port}"), ("redisPassword", Secret));

        Assert.Equal($"{title}: error connecting to redis at 127.0.0.1:{port}: Connection refused", error.Message);
        Assert.DoesNotContain(Secret, error.ToString());
    }

    [Theory]
    [MemberData(nameof(Components))]
    public async Task A_wrong_or_missing_password_fails_the_start_and_is_not_repeated(string type, string title)
    {
        await using var server = await RedisServer.StartAsync("right");

        var wrong = await FailAsync(type, ("redisHost", server.Address), ("redisPassword", Secret));
        var missing = await FailAsync(type, ("redisHost", server.Address));

        Assert.StartsWith($"{title}: error connecting to redis at {server.Address}: WRONGPASS", wrong.Message);
        Assert.DoesNotContain(Secret, wrong.ToString());
        Assert.StartsWith($"{title}: error connecting to redis at {server.Address}: NOAUTH", missing.Message);
    }

    [Theory]
    [MemberData(nameof(Components))]
    public async Task A_frozen_server_fails_the_start_within_the_dial_timeout(string type, string title)
    {
        await using var server = await RedisServer.StartAsync();
        await server.PauseAsync();

        var error = await FailAsync(type, ("redisHost", server.Address), ("dialTimeout", "300"));

        Assert.StartsWith($"{title}: error connecting to redis at {server.Address}: ", error.Message);
    }

    [Theory]
    [MemberData(nameof(Components))]
    public async Task Giving_up_ends_the_start(string type, string title)
    {
        await using var server = await RedisServer.StartAsync();
        await server.PauseAsync();
        Assert.True(ProviderCatalog.TryFind(type, "v1", out var entry));
        await using var component = entry.Describe().Create();
        using var giveUp = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        var context = ComponentUnderTest.Context(type, RawRedis.Settings(("redisHost", server.Address)));

        var error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => component.InitAsync(context, giveUp.Token));

        Assert.DoesNotContain(title, error.Message);
    }

    [Theory]
    [InlineData("localhost", null, "localhost:6379")]
    [InlineData("localhost", "1", "localhost:1")]
    [InlineData("localhost:1", "1", "localhost:1")]
    [InlineData("::1", "1", "[::1]:1")]
    [InlineData("[::1]:1", null, "[::1]:1")]
    [InlineData("[::1]", "1", "[::1]:1")]
    [InlineData("127.0.0.1:1, 127.0.0.1:2", null, "127.0.0.1:1,127.0.0.1:2")]
    [InlineData("127.0.0.1,localhost:1", "1", "127.0.0.1:1,localhost:1")]
    public async Task Hosts_and_port_come_together(string host, string? port, string expected)
    {
        // A server that happens to be at the well-known port does not speak TLS there.
        List<(string Name, string Value)> settings = [("redisHost", host), ("dialTimeout", "2s"), ("enableTLS", "true")];
        if (port is not null)
        {
            settings.Add(("redisPort", port));
        }

        var error = await FailAsync("state.redis", [.. settings]);

        Assert.Contains($" at {expected}: ", error.Message);
    }

    [Fact]
    public async Task A_port_that_contradicts_the_host_is_refused()
    {
        var error = await Assert.ThrowsAsync<ComponentMetadataException>(
            () => StartAsync("state.redis", [("redisHost", "one:6379"), ("redisPort", "6380")]));

        Assert.Equal("redisHost", error.Field);
        Assert.Contains(
            "redis host \"one:6379\" already contains port 6379, but redisPort is set to 6380; "
            + "either remove the port from redisHost or remove the redisPort setting",
            error.Message);
    }

    [Theory]
    [InlineData("redisDB", "")]
    [InlineData("redisDB", "first")]
    [InlineData("redisPort", "70000")]
    [InlineData("failover", "")]
    [InlineData("enableTLS", "yes")]
    [InlineData("readTimeout", "")]
    [InlineData("readTimeout", "soon")]
    [InlineData("poolSize", "many")]
    [InlineData("idleTimeout", "x")]
    [InlineData("redisMaxRetries", "x")]
    [InlineData("maxRetries", "x")]
    [InlineData("maxRetryBackoff", "2s")]
    [InlineData("redisType", "ring")]
    [InlineData("ttlInSeconds", "soon")]
    public async Task A_field_that_is_ill_typed_is_refused_by_name(string field, string value)
    {
        await using var server = await RedisServer.StartAsync();

        var error = await Assert.ThrowsAsync<ComponentMetadataException>(
            () => StartAsync("state.redis", [("redisHost", server.Address), (field, value)]));

        Assert.Contains(field, error.Message, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("queueDepth", "-1")]
    [InlineData("concurrency", "0")]
    [InlineData("processingTimeout", "x")]
    [InlineData("maxLenApprox", "x")]
    public async Task A_field_of_pubsub_that_is_ill_typed_is_refused_by_name(string field, string value)
    {
        await using var server = await RedisServer.StartAsync();

        var error = await Assert.ThrowsAsync<ComponentMetadataException>(
            () => StartAsync("pubsub.redis", [("redisHost", server.Address), (field, value)]));

        Assert.Equal(field, error.Field);
    }

    [Theory]
    [InlineData("redisHost", "")]
    [InlineData("redisHost", ",")]
    [InlineData("useEntraID", "true")]
    [InlineData("useAzureAD", "true")]
    [InlineData("useOIDC", "true")]
    [InlineData("failover", "true")]
    public async Task What_cannot_work_is_refused_at_the_start(string field, string value)
        => await Assert.ThrowsAsync<ComponentMetadataException>(
            () => StartAsync("pubsub.redis", field == "redisHost" ? [(field, value)] : [("redisHost", "127.0.0.1:1"), (field, value)]));

    [Fact]
    public async Task Every_documented_field_is_accepted()
    {
        await using var server = await RedisServer.StartAsync();
        (string Name, string Value)[] settings =
        [
            ("redisHost", server.Address), ("redisUsername", ""), ("redisPassword", ""), ("redisDB", "0"), ("redisType", "node"),
            ("redisMaxRetries", "-1"), ("redisMinRetryInterval", "8"), ("redisMaxRetryInterval", "-1"), ("dialTimeout", "5s"),
            ("readTimeout", "-1"), ("writeTimeout", "3000"), ("poolSize", "20"), ("poolTimeout", "4s"), ("maxConnAge", "0"),
            ("minIdleConns", "1"), ("idleCheckFrequency", "-1"), ("idleTimeout", "5m"), ("failover", "false"),
            ("enableTLS", "false"), ("insecureSkipTLSVerify", "0"), ("clientCert", ""), ("clientKey", ""),
            ("useEntraID", "f"), ("useOIDC", "F"), ("maxRetries", "5"), ("maxRetryBackoff", "2000000000"),
            ("queueDepth", "0"), ("processingTimeout", "0"), ("redeliverInterval", "15s"), ("maxLenApprox", "10"), ("streamTTL", "60s"),
        ];

        foreach (var type in (string[])["state.redis", "pubsub.redis"])
        {
            Assert.True(ProviderCatalog.TryFind(type, "v1", out var entry));
            Assert.Empty(new ComponentMetadata(RawRedis.Settings(settings)).Validate(entry.Describe().Fields));
            await using var component = await StartAsync(type, settings);
        }
    }

    [Fact]
    public async Task A_user_of_an_access_list_logs_in()
    {
        await using var server = await RedisServer.StartAsync();
        await using var raw = await RawRedis.ConnectAsync(server);
        await raw.RunAsync("ACL", "SETUSER", "app", "on", ">" + Secret, "~*", "&*", "+@all");
        await raw.RunAsync("ACL", "SETUSER", "default", "off");

        await using var store = (IStateStore)await StartAsync(
            "state.redis", [("redisHost", server.Address), ("redisUsername", "app"), ("redisPassword", Secret)]);
        await store.SetAsync(new StateSet("k", new StateValue("1"u8.ToArray(), true)), Stop);

        Assert.Equal("1", Encoding.UTF8.GetString((await store.GetAsync(new StateGet("k"), Stop)).Value.Span));
    }

    [Fact]
    public void Secrets_are_declared_as_such()
    {
        foreach (var type in (string[])["state.redis", "pubsub.redis"])
        {
            Assert.True(ProviderCatalog.TryFind(type, "v1", out var entry));
            var secrets = entry.Describe().Fields.Where(f => f.Sensitive).Select(f => f.Name).Order(StringComparer.Ordinal);
            Assert.Equal(["clientKey", "redisPassword", "sentinelPassword"], secrets);
        }
    }

    private static Task<IComponent> StartAsync(string type, (string Name, string Value)[] settings)
        => ComponentUnderTest.StartAsync<IComponent>(type, RawRedis.Settings(settings));

    private static async Task<Exception> FailAsync(string type, params (string Name, string Value)[] settings)
        => await Assert.ThrowsAsync<IOException>(() => StartAsync(type, settings));
}
