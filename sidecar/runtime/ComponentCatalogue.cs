using DaprK8s.Common.Resources;
using DaprK8s.Components;
using DaprK8s.Sidecar.Pipelines;
using DaprK8s.Sidecar.Reload;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Runtime;

/// <summary>A fault that the sidecar can't start with: it is logged and the exit code is 1.</summary>
internal sealed class FatalException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>
/// Chooses, from the loaded resources, the components that are for this sidecar: scopes, duplicates, the deny list and the strict
/// sandbox of the Configuration (contract: operations 3.2, 3.3, 2.8, 2.10).
/// </summary>
/// <param name="appId">This app.</param>
/// <param name="builtIn">Components that are there without a resource; they come first.</param>
/// <param name="logger">The log.</param>
internal sealed class ComponentCatalogue(string appId, IReadOnlyList<Component> builtIn, ILogger logger)
{
    private HashSet<string> told = [];

    /// <summary>The components, in load order.</summary>
    /// <exception cref="FatalException">Two components share a name.</exception>
    public IReadOnlyList<Component> Choose(ConfigurationSpec spec, IReadOnlyList<Component> resources)
    {
        var clashes = Duplicates.Find(ResourceKinds.Component, resources, appId).ToList();
        if (clashes.Count > 0)
        {
            throw new FatalException($"failed to load components: {string.Join('\n', clashes)}");
        }

        string[] denied = [.. (spec.Components?.Deny ?? []).Where(d => d.Length > 0 && d.Count(c => c == '/') <= 1)];
        List<Component> chosen = [.. builtIn];
        HashSet<string> left = [];
        foreach (var resource in resources.Where(r => r.IsInScope(appId)))
        {
            if (denied.Length > 0 && IsDenied(resource, denied, left))
            {
                continue;
            }

            logger.LogDebug("Found component: {Component}", resource.LogName);
            chosen.Add(resource);
        }

        told = left;
        return StrictSandbox.Apply(spec.Wasm, chosen);
    }

    /// <summary>The building block of a component's type; <see cref="ComponentHandle.UnknownKind"/> for none.</summary>
    public static ComponentKind KindOf(Component resource)
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
            _ => ComponentHandle.UnknownKind,
        };

    // Told once for each component, however often it is looked at.
    private bool IsDenied(Component resource, string[] denied, HashSet<string> left)
    {
        var (type, version) = (resource.Spec.Type, resource.Spec.Version);
        if (type.Length == 0 || version.Length == 0)
        {
            return true;
        }

        if (!denied.Contains(type) && !denied.Contains($"{type}/{version}"))
        {
            return false;
        }

        left.Add(resource.LogName);
        if (!told.Contains(resource.LogName))
        {
            logger.LogWarning("component '{Name}' cannot be loaded because components of type '{Component}' are not allowed", resource.Name, resource.LogName);
        }

        return true;
    }
}
