using DaprK8s.Common.Resources;
using DaprK8s.Components;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Runtime;

/// <summary>A fault that the sidecar can't start with: it is logged and the exit code is 1.</summary>
internal sealed class FatalException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>
/// Chooses, from the loaded resources, the components that are for this sidecar: scopes, duplicates, the deny list, and the
/// building block by type (contract: operations 3.2, 3.3, 2.8).
/// </summary>
internal sealed class ComponentCatalogue(SidecarInfo self, IReadOnlyList<string> denied, TimeProvider time, ILogger logger)
{
    private readonly string[] denied = [.. denied.Where(d => d.Length > 0 && d.Count(c => c == '/') <= 1)];

    /// <summary>The handles, in load order.</summary>
    /// <exception cref="FatalException">Two components share a name, or a type belongs to no building block.</exception>
    public IReadOnlyList<ComponentHandle> Choose(IReadOnlyList<Component> resources)
    {
        Dictionary<string, Component> byName = [];
        List<string> clashes = [];
        List<ComponentHandle> handles = [];
        foreach (var resource in resources)
        {
            if (!resource.IsInScope(self.AppId))
            {
                continue;
            }

            if (!byName.TryAdd(resource.Name, resource))
            {
                clashes.Add($"duplicate definition of Component name {resource.LogName} with existing {byName[resource.Name].LogName} ({resource.Source})");
                continue;
            }

            if (IsDenied(resource))
            {
                continue;
            }

            logger.LogDebug("Found component: {Component}", resource.LogName);
            handles.Add(new ComponentHandle(resource, KindOf(resource), time));
        }

        return clashes.Count == 0 ? handles : throw new FatalException($"failed to load components: {string.Join('\n', clashes)}");
    }

    private bool IsDenied(Component resource)
    {
        if (denied.Length == 0)
        {
            return false;
        }

        var (type, version) = (resource.Spec.Type, resource.Spec.Version);
        if (type.Length == 0 || version.Length == 0)
        {
            return true;
        }

        if (!denied.Contains(type) && !denied.Contains($"{type}/{version}"))
        {
            return false;
        }

        logger.LogWarning("component '{Name}' cannot be loaded because components of type '{Component}' are not allowed", resource.Name, resource.LogName);
        return true;
    }

    private static ComponentKind KindOf(Component resource)
        => resource.Spec.Type.Split('.')[0] switch
        {
            "state" => ComponentKind.State,
            "pubsub" => ComponentKind.PubSub,
            "secretstores" => ComponentKind.SecretStore,
            "bindings" => ComponentKind.Binding,
            "configuration" => ComponentKind.Configuration,
            "lock" => ComponentKind.Lock,
            "crypto" => ComponentKind.Crypto,
            "conversation" => ComponentKind.Conversation,
            "middleware" => ComponentKind.Middleware,
            _ => throw new FatalException(
                $"process component {resource.Name} error: incorrect type {resource.Spec.Type} ({resource.Source})"),
        };
}
