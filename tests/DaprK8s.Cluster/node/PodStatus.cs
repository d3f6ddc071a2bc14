using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.Cluster.Objects;
using DaprK8s.KubernetesApi;

namespace DaprK8s.Cluster.Node;

/// <summary>A pod's status, as its containers make it.</summary>
internal sealed class PodStatus(ClusterObjects objects, JsonElement pod, IPAddress machine)
{
    private readonly Lock gate = new();
    private readonly string startTime = Times.Now;
    private bool isOver;

    /// <summary>Writes it.</summary>
    /// <param name="inits">The init containers.</param>
    /// <param name="mains">The containers.</param>
    /// <param name="address">The pod's address.</param>
    /// <param name="mountsFail">Volumes can't be mounted.</param>
    /// <param name="isOver">No container will run any more.</param>
    public void Write(IReadOnlyList<ContainerWorker> inits, IReadOnlyList<ContainerWorker> mains, IPAddress? address, bool mountsFail, bool isOver = false)
    {
        lock (gate)
        {
            this.isOver |= isOver;
            if (objects.Find("pods", pod.Namespace(), pod.Name())?.Uid() != pod.Uid())
            {
                return;
            }

            try
            {
                objects.Change("pods", pod.Namespace(), pod.Name(), o => Fill(o, inits, mains, address, mountsFail));
            }
            catch (Exception e) when (e is not OutOfMemoryException && objects.Find("pods", pod.Namespace(), pod.Name()) is null)
            {
                // It went in between.
            }
        }
    }

    private void Fill(JsonObject o, IReadOnlyList<ContainerWorker> inits, IReadOnlyList<ContainerWorker> mains, IPAddress? address, bool mountsFail)
    {
        if (o["status"] is not JsonObject status)
        {
            o["status"] = status = [];
        }

        var isInitialised = inits.All(i => i.Restarts ? i.Started.IsCompleted : i.State is ContainerState.Terminated { ExitCode: 0 });
        status["phase"] = Phase(inits, mains, isInitialised);
        status["startTime"] = startTime;
        status["hostIP"] = machine.ToString();
        status["hostIPs"] = new JsonArray(new JsonObject { ["ip"] = machine.ToString() });
        status["qosClass"] = "BestEffort";
        if (address is not null)
        {
            status["podIP"] = address.ToString();
            status["podIPs"] = new JsonArray(new JsonObject { ["ip"] = address.ToString() });
        }

        var isComplete = (string?)status["phase"] == "Succeeded";
        var areReady = !isOver && isInitialised && mains.Concat(inits.Where(i => i.Restarts)).All(c => c.IsReady);
        var reason = isComplete ? "PodCompleted" : areReady ? null : "ContainersNotReady";
        Set(status, "PodScheduled", true, null);
        Set(status, "Initialized", isInitialised, isComplete ? "PodCompleted" : isInitialised ? null : "ContainersNotInitialized");
        Set(status, "ContainersReady", areReady, reason);
        Set(status, "Ready", areReady && !mountsFail, reason);
        if (inits.Count > 0)
        {
            status["initContainerStatuses"] = new JsonArray([.. inits.Select(i => i.ToStatus())]);
        }

        status["containerStatuses"] = new JsonArray([.. mains.Select(m => m.ToStatus())]);
    }

    private string Phase(IReadOnlyList<ContainerWorker> inits, IReadOnlyList<ContainerWorker> mains, bool isInitialised)
    {
        if (isOver)
        {
            return mains.All(m => m.State is ContainerState.Terminated { ExitCode: 0 }) && inits.All(i => i.Restarts || i.State is ContainerState.Terminated { ExitCode: 0 })
                ? "Succeeded"
                : "Failed";
        }

        return isInitialised && mains.All(m => m.FirstStart.IsCompleted) ? "Running" : "Pending";
    }

    private static void Set(JsonObject status, string type, bool value, string? reason)
    {
        if (status["conditions"] is not JsonArray conditions)
        {
            status["conditions"] = conditions = [];
        }

        var text = value ? "True" : "False";
        var old = conditions.FirstOrDefault(c => (string?)c?["type"] == type);
        if ((string?)old?["status"] == text && (string?)old?["reason"] == reason)
        {
            return;
        }

        var next = new JsonObject
        {
            ["type"] = type,
            ["status"] = text,
            ["lastProbeTime"] = null,
            ["lastTransitionTime"] = (string?)old?["status"] == text ? old?["lastTransitionTime"]?.DeepClone() : Times.Now,
        };
        if (reason is not null)
        {
            next["reason"] = reason;
        }

        if (old is null)
        {
            conditions.Add(next);
        }
        else
        {
            conditions[conditions.IndexOf(old)] = next;
        }
    }
}
