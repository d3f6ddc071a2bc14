using DaprK8s.Common.Resources;

namespace DaprK8s.Injector.Admission;

/// <summary>What an injection needs to know of the cluster.</summary>
internal interface IClusterFacts
{
    /// <summary>The trust anchors in force, PEM.</summary>
    string TrustAnchors { get; }

    /// <summary>Whether Configuration <c>daprsystem</c> has mTLS on; also when it can't be read.</summary>
    ValueTask<bool> IsMtlsEnabledAsync(CancellationToken cancellationToken);

    /// <summary>The Components of a namespace.</summary>
    /// <exception cref="Exception">They can't be listed; the message tells why.</exception>
    ValueTask<IReadOnlyList<Component>> ListComponentsAsync(string @namespace, CancellationToken cancellationToken);
}
