using DaprK8s.Common.Resources;

namespace DaprK8s.Operator.Validation;

/// <summary>What else is in the cluster, for rules that look beyond one resource.</summary>
internal interface IClusterResources
{
    /// <summary>A Component, or <see langword="null"/> when there is none of that name.</summary>
    Component? FindComponent(string @namespace, string name);

    /// <summary>All Resiliencies of a namespace.</summary>
    IEnumerable<Resiliency> ResilienciesOf(string @namespace);

    /// <summary>The keys of a Secret, or <see langword="null"/> when there is no such Secret.</summary>
    /// <exception cref="Exception">It can't be told, as the API server is away or does not allow it; rules then say nothing.</exception>
    ValueTask<IReadOnlyCollection<string>?> FindSecretKeysAsync(string @namespace, string name, CancellationToken cancellationToken);
}
