using DaprK8s.Common.Resources;
using DaprK8s.Injector.Admission;

namespace DaprK8s.Injector.Tests.Support;

/// <summary>A cluster that stands still.</summary>
internal sealed class FixedCluster : IClusterFacts
{
    public string TrustAnchors => "-----BEGIN CERTIFICATE-----\nanchors\n-----END CERTIFICATE-----\n";

    public bool IsMtlsEnabled { get; init; } = true;

    public IReadOnlyList<Component> Components { get; init; } = [];

    public Exception? ListFailure { get; init; }

    public ValueTask<bool> IsMtlsEnabledAsync(CancellationToken cancellationToken) => ValueTask.FromResult(IsMtlsEnabled);

    public ValueTask<IReadOnlyList<Component>> ListComponentsAsync(string @namespace, CancellationToken cancellationToken)
        => ListFailure is { } e ? ValueTask.FromException<IReadOnlyList<Component>>(e) : ValueTask.FromResult(Components);
}
