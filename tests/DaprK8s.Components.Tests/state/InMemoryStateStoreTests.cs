using DaprK8s.Components.Tests.Conformance;
using DaprK8s.Components.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Components.Tests.State;

/// <summary>The in-memory store against everything that a state store must do, on a fake clock.</summary>
public sealed class InMemoryStateStoreConformance : StateStoreConformance
{
    private readonly FakeTimeProvider clock = new(DateTimeOffset.UtcNow);

    protected override StateFeatures ExpectedFeatures => base.ExpectedFeatures | StateFeatures.DeleteWithPrefix;

    protected override bool InstancesShareData => false;

    protected override DateTimeOffset Now => clock.GetUtcNow();

    protected override async Task<IStateStore> CreateAsync(IDictionary<string, string>? extraMetadata)
        => await ComponentUnderTest.StartAsync<IStateStore>("state.in-memory", extraMetadata, time: clock);

    protected override void Advance(TimeSpan time) => clock.Advance(time);
}
