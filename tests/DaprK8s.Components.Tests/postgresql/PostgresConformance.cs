using DaprK8s.Components.Tests.Conformance;

namespace DaprK8s.Components.Tests.PostgreSql;

/// <summary>The conformance suite; the tests keep to keys of their own, so one database serves them all.</summary>
public abstract class PostgresConformance(PostgresFixture fixture, string version) : StateStoreConformance
{
    /// <inheritdoc/>
    protected override bool DeleteByETagSeesExpiredItems => true;

    /// <inheritdoc/>
    protected override Task<IStateStore> CreateAsync(IDictionary<string, string>? extraMetadata)
        => fixture.Shared.StartStoreAsync(version, Names(version, extraMetadata));

    // The two versions have incompatible tables of the same name.
    private static Dictionary<string, string> Names(string version, IDictionary<string, string>? extra)
        => Support.ComponentUnderTest.Merge(
            new Dictionary<string, string> { [version == "v1" ? "tableName" : "tablePrefix"] = version == "v1" ? "items" : "v2_" }, extra);
}

[Collection(PostgresCollection.Name)]
public sealed class PostgresV1ConformanceTests(PostgresFixture fixture) : PostgresConformance(fixture, "v1")
{
    protected override string BadETag => "1";
}

[Collection(PostgresCollection.Name)]
public sealed class PostgresV2ConformanceTests(PostgresFixture fixture) : PostgresConformance(fixture, "v2")
{
    protected override string BadETag { get; } = Guid.NewGuid().ToString();
}
