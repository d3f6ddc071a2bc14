using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.Cluster.Objects;
using DaprK8s.KubernetesApi;

namespace DaprK8s.Cluster.Controllers;

/// <summary>
/// Brings the cluster towards what the objects say: a pass over all of them whenever one has changed. What a pass could not do, the
/// next one tries again.
/// </summary>
internal abstract class Controller(ClusterObjects objects, ControllerLog log) : IAsyncDisposable
{
    private static readonly TimeSpan Resync = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(300);

    private readonly CancellationTokenSource stop = new();
    private Task running = Task.CompletedTask;
    private TaskCompletionSource woken = new(TaskCreationOptions.RunContinuationsAsynchronously);

    protected ClusterObjects Objects => objects;

    protected ControllerLog Log => log;

    /// <summary>Begins.</summary>
    public void Start() => running = Task.Run(RunAsync);

    /// <inheritdoc/>
    public virtual async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await running;
        stop.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Makes the next pass begin now.</summary>
    protected void Wake() => woken.TrySetResult();

    /// <summary>One pass.</summary>
    protected abstract Task ReconcileAsync(CancellationToken cancellationToken);

    /// <summary>Does something for one object; its failure does not keep the others from being looked after.</summary>
    protected async Task EachAsync(IEnumerable<JsonElement> items, Func<JsonElement, Task> action)
    {
        var failed = false;
        foreach (var item in items)
        {
            try
            {
                await action(item);
            }
            catch (Exception e) when (e is not OperationCanceledException || !stop.IsCancellationRequested)
            {
                log.Failed(GetType().Name, $"{item.Namespace()}/{item.Name()}", e);
                failed = true;
            }
        }

        if (failed)
        {
            throw new PassIncompleteException();
        }
    }

    /// <summary>Writes an object's status. One that is gone needs none.</summary>
    protected void SetStatus(string resource, JsonElement item, Action<JsonObject> change)
    {
        if (Objects.Find(resource, item.Namespace(), item.Name())?.Uid() == item.Uid())
        {
            Objects.Change(resource, item.Namespace(), item.Name(), o => change(Child(o, "status")));
        }
    }

    protected static JsonObject Child(JsonObject parent, string name)
    {
        if (parent[name] is not JsonObject child)
        {
            parent[name] = child = [];
        }

        return child;
    }

    /// <summary>Sets a condition; its time of transition changes only when its status does.</summary>
    protected static void SetCondition(JsonObject status, string type, bool value, string reason, string message)
    {
        if (status["conditions"] is not JsonArray conditions)
        {
            status["conditions"] = conditions = [];
        }

        var text = value ? "True" : "False";
        var old = conditions.FirstOrDefault(c => (string?)c?["type"] == type);
        if (old is not null && (string?)old["status"] == text && (string?)old["reason"] == reason && (string?)old["message"] == message)
        {
            return;
        }

        var next = new JsonObject
        {
            ["type"] = type,
            ["status"] = text,
            ["reason"] = reason,
            ["message"] = message,
            ["lastUpdateTime"] = Times.Now,
            ["lastTransitionTime"] = (string?)old?["status"] == text ? old?["lastTransitionTime"]?.DeepClone() : Times.Now,
        };
        if (old is null)
        {
            conditions.Add(next);
        }
        else
        {
            conditions[conditions.IndexOf(old)] = next;
        }
    }

    private async Task RunAsync()
    {
        while (!stop.IsCancellationRequested)
        {
            woken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Task? change = Task.WhenAny(objects.NextChange, woken.Task);
            var wait = Resync;
            try
            {
                await ReconcileAsync(stop.Token);
            }
            catch (PassIncompleteException)
            {
                wait = Retry;
                change = null;
            }
            catch (Exception) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                log.Failed(GetType().Name, "", e);
                wait = Retry;
            }

            var delay = Task.Delay(wait, stop.Token);
            await Task.WhenAny(change ?? delay, delay);
        }
    }

    private sealed class PassIncompleteException : Exception;
}
