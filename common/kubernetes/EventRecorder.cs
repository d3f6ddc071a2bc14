using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using DaprK8s.Common.Hosting;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Common.Kubernetes;

/// <summary>What an event is about.</summary>
/// <param name="ApiVersion">For example <c>dapr.io/v1alpha1</c>.</param>
/// <param name="Kind">For example <c>Component</c>.</param>
/// <param name="Namespace">The object's namespace, where the event is created too.</param>
/// <param name="Name">The object.</param>
/// <param name="Uid">Which of all that had this name.</param>
public sealed record EventSubject(string ApiVersion, string Kind, string Namespace, string Name, string Uid);

/// <summary>
/// Records events where <c>kubectl describe</c> shows them. One that says the same as the last one of its object is counted there, not
/// created again. That events can't be recorded is told once, until one is. In a namespace that is being deleted there are none.
/// </summary>
/// <param name="client">The API server.</param>
/// <param name="component">Who records, such as <c>dapr-operator</c>.</param>
/// <param name="instance">Which replica.</param>
/// <param name="logger">Told when events can't be recorded.</param>
/// <param name="time">The clock.</param>
public sealed class EventRecorder(KubernetesClient client, string component, string instance, ILogger logger, TimeProvider time)
{
    private const int MaxMessage = 1024;

    // The API server forgets events after an hour.
    private static readonly TimeSpan SameFor = TimeSpan.FromMinutes(30);

    private readonly ConcurrentDictionary<string, Last> last = new();
    private readonly Complaint complaint = new();

    /// <summary>Records an event.</summary>
    public async Task RecordAsync(EventSubject subject, bool warning, string reason, string message, CancellationToken cancellationToken)
    {
        var text = message.Length <= MaxMessage ? message : message[..(MaxMessage - 1)] + "…";
        try
        {
            if (last.TryGetValue(subject.Uid, out var known) && known.Reason == reason && known.Message == text && time.GetUtcNow() - known.At < SameFor)
            {
                var patch = new JsonObject { ["count"] = known.Count + 1, ["lastTimestamp"] = Now() };
                await client.PatchAsync(ApiResources.Events, subject.Namespace, known.Name, PatchKind.Merge, patch, cancellationToken);
                last[subject.Uid] = known with { Count = known.Count + 1, At = time.GetUtcNow() };
                complaint.End();
                return;
            }

            var name = $"{subject.Name}.{Guid.NewGuid():N}"[..Math.Min(subject.Name.Length + 17, 253)];
            await client.CreateAsync(ApiResources.Events, subject.Namespace, Create(subject, name, warning, reason, text), cancellationToken);
            last[subject.Uid] = new Last(name, reason, text, 1, time.GetUtcNow());
            complaint.End();
        }
        catch (KubernetesException e) when (e.IsNamespaceTerminating)
        {
            logger.LogDebug("no event is recorded: {Message}", e.Message);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            last.TryRemove(subject.Uid, out _);
            if (complaint.IsNew(KubernetesException.CauseOf(e)))
            {
                logger.LogWarning("events are not recorded in the cluster: {Message}", KubernetesException.Explain(e));
            }
        }
    }

    /// <summary>Forgets an object that is gone.</summary>
    public void Forget(string uid) => last.TryRemove(uid, out _);

    private JsonObject Create(EventSubject subject, string name, bool warning, string reason, string message)
        => new()
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Event",
            ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = subject.Namespace },
            ["involvedObject"] = new JsonObject
            {
                ["apiVersion"] = subject.ApiVersion,
                ["kind"] = subject.Kind,
                ["namespace"] = subject.Namespace,
                ["name"] = subject.Name,
                ["uid"] = subject.Uid,
            },
            ["type"] = warning ? "Warning" : "Normal",
            ["reason"] = reason,
            ["message"] = message,
            ["firstTimestamp"] = Now(),
            ["lastTimestamp"] = Now(),
            ["count"] = 1,
            ["source"] = new JsonObject { ["component"] = component },
            ["reportingComponent"] = component,
            ["reportingInstance"] = instance,
        };

    private string Now() => time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private sealed record Last(string Name, string Reason, string Message, int Count, DateTimeOffset At);
}
