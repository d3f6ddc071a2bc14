using System.Globalization;
using System.Text.Json.Nodes;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Sentry.Rotation;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sentry.Kubernetes;

/// <summary>
/// Records what happens to the authority as events on its Secret, where <c>kubectl describe</c> shows them. Dapr's roles don't allow
/// sentry to create events; then the log has to do, and says so once.
/// </summary>
/// <param name="client">The API server.</param>
/// <param name="namespace">Where the Secret is.</param>
/// <param name="instance">The name of this replica's pod.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told when events can't be recorded.</param>
internal sealed class KubernetesCaEvents(KubernetesClient client, string @namespace, string instance, TimeProvider time, ILogger logger) : ICaEvents
{
    private const string Component = "dapr-sentry";

    private int complained;

    /// <inheritdoc/>
    public void Report(bool warning, string reason, string message) => _ = RecordAsync(warning, reason, message);

    private async Task RecordAsync(bool warning, string reason, string message)
    {
        try
        {
            // Off the caller's way from here on.
            await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            var involved = new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "Secret",
                ["namespace"] = @namespace,
                ["name"] = KubernetesCaStore.ObjectName,
                ["uid"] = (await client.GetMetadataAsync(ApiResources.Secrets, @namespace, KubernetesCaStore.ObjectName, CancellationToken.None)).Metadata.Uid,
            };
            var now = time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
            var recorded = new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "Event",
                ["metadata"] = new JsonObject { ["generateName"] = $"{KubernetesCaStore.ObjectName}.", ["namespace"] = @namespace },
                ["involvedObject"] = involved,
                ["type"] = warning ? "Warning" : "Normal",
                ["reason"] = reason,
                ["message"] = message,
                ["firstTimestamp"] = now,
                ["lastTimestamp"] = now,
                ["count"] = 1,
                ["source"] = new JsonObject { ["component"] = Component },
                ["reportingComponent"] = Component,
                ["reportingInstance"] = instance,
            };
            await client.CreateAsync(ApiResources.Events, @namespace, recorded, CancellationToken.None);
        }
        catch (Exception e)
        {
            if (Interlocked.Exchange(ref complained, 1) == 0)
            {
                logger.LogInformation("events of the certificate authority are not recorded in the cluster, only in this log: {message}", e.Message);
            }
        }
    }
}
