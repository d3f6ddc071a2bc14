using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi;

namespace DaprK8s.Kubernetes.Tests.Support;

/// <summary>Says of every Deployment that it is rolled out, and of every Job and Pod that it has succeeded.</summary>
public sealed class ContentControllers : IAsyncDisposable
{
    private readonly CancellationTokenSource stop = new();
    private readonly ClusterObjects objects;
    private readonly Task[] loops;

    public ContentControllers(ClusterObjects objects)
    {
        this.objects = objects;
        loops =
        [
            RunAsync("deployments.apps", d => $$"""
                {"observedGeneration":{{d.GetProperty("metadata").GetProperty("generation")}},"replicas":1,"updatedReplicas":1,"readyReplicas":1,"availableReplicas":1,
                 "conditions":[{"type":"Available","status":"True"},{"type":"Progressing","status":"True","reason":"NewReplicaSetAvailable"}]}
                """),
            RunAsync("jobs.batch", _ => """
                {"succeeded":1,"startTime":"2026-01-01T00:00:00Z","completionTime":"2026-01-01T00:00:01Z","conditions":[{"type":"Complete","status":"True"}]}
                """),
            RunAsync("pods", _ => """{"phase":"Succeeded"}"""),
        ];
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await Task.WhenAll(loops);
        stop.Dispose();
    }

    private async Task RunAsync(string resource, Func<JsonElement, string> status)
    {
        try
        {
            await foreach (var change in objects.WatchAsync(resource, stop.Token))
            {
                if (change.Kind != ChangeKind.Deleted && objects.Find(resource, change.Namespace, change.Name) is not null)
                {
                    objects.Change(resource, change.Namespace, change.Name, o => o["status"] = JsonNode.Parse(status(JsonSerializer.SerializeToElement(o))));
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }
}
