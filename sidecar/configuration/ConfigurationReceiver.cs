using DaprK8s.Components;

namespace DaprK8s.Sidecar.ConfigurationApi;

/// <summary>Takes the updates of a subscription, one after the other.</summary>
/// <param name="subscription">Its id.</param>
/// <param name="component">The store, for the policy that applies.</param>
/// <param name="items">The changed items.</param>
/// <param name="cancellationToken">The subscription has ended.</param>
internal delegate ValueTask ConfigurationReceiver(
    string subscription, Runtime.ComponentHandle component, IReadOnlyDictionary<string, ConfigurationItem> items, CancellationToken cancellationToken);
