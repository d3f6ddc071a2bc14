using DaprK8s.Components.Tests.Conformance;
using DaprK8s.Components.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Components.Tests.State;

/// <summary>SQLite against everything that a state store must do, on a fake clock.</summary>
public abstract class SqliteStateStoreConformance : StateStoreConformance
{
    // Whole seconds, as the table keeps them.
    private readonly FakeTimeProvider clock = new(DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds()));

    protected override DateTimeOffset Now => clock.GetUtcNow();

    protected abstract IEnumerable<KeyValuePair<string, string>> Settings { get; }

    protected override async Task<IStateStore> CreateAsync(IDictionary<string, string>? extraMetadata)
        => await ComponentUnderTest.StartAsync<IStateStore>("state.sqlite", ComponentUnderTest.Merge(Settings, extraMetadata), time: clock);

    protected override void Advance(TimeSpan time) => clock.Advance(time);
}

/// <summary>A file with a write-ahead log, the default.</summary>
public sealed class SqliteFileConformance : SqliteStateStoreConformance
{
    private readonly TemporaryFile file = new();

    protected override IEnumerable<KeyValuePair<string, string>> Settings => [new("connectionString", file.Path)];

    protected override ValueTask CleanUpAsync() => file.DisposeAsync();
}

/// <summary>A file with a rollback journal.</summary>
public sealed class SqliteRollbackJournalConformance : SqliteStateStoreConformance
{
    private readonly TemporaryFile file = new();

    protected override IEnumerable<KeyValuePair<string, string>> Settings => [new("connectionString", file.Path), new("disableWAL", "true")];

    protected override ValueTask CleanUpAsync() => file.DisposeAsync();
}

/// <summary>A database in memory.</summary>
public sealed class SqliteMemoryConformance : SqliteStateStoreConformance
{
    protected override IEnumerable<KeyValuePair<string, string>> Settings => [new("connectionString", ":memory:")];
}
