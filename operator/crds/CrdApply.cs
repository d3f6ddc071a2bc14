using System.Text.Json.Nodes;
using DaprK8s.Common.Kubernetes;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Operator.Crds;

/// <summary>Brings the custom resource definitions of a cluster to those of this version; objects of these kinds stay as they are.</summary>
/// <param name="client">The API server.</param>
/// <param name="namespace">Where the operator is.</param>
/// <param name="logger">Told of each.</param>
/// <param name="time">For the wait until they are served.</param>
internal sealed class CrdApply(KubernetesClient client, string @namespace, ILogger logger, TimeProvider time)
{
    private static readonly TimeSpan ServedWithin = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(250);

    /// <summary>Applies all, and waits until the API server serves them.</summary>
    /// <exception cref="KubernetesException">One was refused.</exception>
    /// <exception cref="TimeoutException">One is not served after a minute.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        foreach (var definition in CrdManifests.Read(@namespace))
        {
            var name = definition["metadata"]!["name"]!.GetValue<string>();

            // In Helm's name, so that a later installation of another version may change it again.
            var applied = await client.PatchAsync(
                ApiResources.CustomResourceDefinitions, null, name, PatchKind.Apply, definition, cancellationToken, DefinitionOwners.Helm);
            await ReleaseAsync(name, applied, cancellationToken);
            await UntilServedAsync(name, applied, cancellationToken);
            logger.LogInformation("Applied custom resource definition {Name}", name);
        }
    }

    // Helm 3 creates definitions, which to the API server is another owner than who applies them.
    private async Task ReleaseAsync(string name, JsonObject definition, CancellationToken cancellationToken)
    {
        if (DefinitionOwners.Release(definition) is not { } patch)
        {
            return;
        }

        try
        {
            await client.PatchAsync(ApiResources.CustomResourceDefinitions, null, name, PatchKind.Merge, patch, cancellationToken, DefinitionOwners.Helm);
        }
        catch (KubernetesException e) when (e.IsConflict)
        {
            logger.LogDebug("{Name} was changed meanwhile: its former owners remain", name);
        }
    }

    private async Task UntilServedAsync(string name, JsonObject definition, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        while (!IsServed(definition))
        {
            if (time.GetElapsedTime(started) > ServedWithin)
            {
                throw new TimeoutException($"custom resource definition {name} is not established after {ServedWithin.TotalSeconds:0} s: see its status");
            }

            await Task.Delay(Look, time, cancellationToken);
            definition = await client.GetAsync(ApiResources.CustomResourceDefinitions, null, name, cancellationToken);
        }
    }

    private static bool IsServed(JsonObject definition)
        => definition["status"]?["conditions"] is JsonArray conditions
            && conditions.Any(c => c?["type"]?.GetValue<string>() == "Established" && c["status"]?.GetValue<string>() == "True");
}
