using DaprK8s.Components.Tests.Conformance;
using DaprK8s.Components.Tests.Support;
using DaprK8s.TestServers;

namespace DaprK8s.Components.Tests.Redis;

/// <summary>The Redis store against everything that a state store must do, on one server for all of the tests.</summary>
public sealed class RedisStateStoreConformance(RedisServerFixture fixture) : StateStoreConformance, IClassFixture<RedisServerFixture>
{
    protected override string BadETag => "9999999";

    protected override Type FirstWriteRejection => typeof(InvalidOperationException);

    protected override bool FirstWriteSeesPlainItems => false;

    protected override bool LastWriteHonoursETag => false;

    protected override bool WriteByETagNeedsItem => false;

    protected override bool DeleteByETagSeesExpiredItems => true;

    protected override bool ReportsExpiry => false;

    protected override bool WriteWithoutTtlClearsIt => false;

    protected override bool TransactionsHonourFirstWrite => false;

    protected override async Task<IStateStore> CreateAsync(IDictionary<string, string>? extraMetadata)
        => await ComponentUnderTest.StartAsync<IStateStore>(
            "state.redis", ComponentUnderTest.Merge([new("redisHost", fixture.Server.Address)], extraMetadata));
}

/// <summary>A server without a password, shared by the tests of a class.</summary>
public sealed class RedisServerFixture : IAsyncLifetime
{
    public RedisServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Server = await RedisServer.StartAsync();

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}
