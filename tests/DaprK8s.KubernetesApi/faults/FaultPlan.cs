using System.Collections.Concurrent;
using DaprK8s.KubernetesApi.Requests;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.KubernetesApi.Faults;

/// <summary>What goes wrong on purpose, per verb and resource, and what was asked so far.</summary>
public sealed class FaultPlan
{
    private readonly ConcurrentDictionary<(string Verb, string Resource), Fault> faults = new();
    private readonly ConcurrentQueue<RequestRecord> requests = new();

    internal FaultPlan()
    {
    }

    /// <summary>All requests so far, in the order in which they came.</summary>
    public IReadOnlyList<RequestRecord> Requests => [.. requests];

    /// <summary>How often a verb was asked of a resource.</summary>
    public int Count(string verb, string resource) => requests.Count(r => r.Verb == verb && r.Resource == resource);

    /// <summary>Forgets the requests so far.</summary>
    public void ForgetRequests() => requests.Clear();

    /// <summary>Answers late, until cleared.</summary>
    public void Delay(string verb, string resource, TimeSpan by) => faults[(verb, resource)] = new Fault { Delay = by };

    /// <summary>Cuts the connection instead of answering.</summary>
    public void Cut(string verb, string resource, int times = int.MaxValue) => faults[(verb, resource)] = new Fault { Cut = true, Left = times };

    /// <summary>Answers with an error of this code.</summary>
    public void Fail(string verb, string resource, int code, int times = int.MaxValue)
        => faults[(verb, resource)] = new Fault { Code = code, Left = times };

    /// <summary>Holds requests back until the returned gate is opened.</summary>
    public FaultGate Hold(string verb, string resource)
    {
        var gate = new FaultGate();
        faults[(verb, resource)] = new Fault { Gate = gate };
        return gate;
    }

    /// <summary>No fault any more.</summary>
    public void Clear(string verb, string resource) => faults.TryRemove((verb, resource), out _);

    internal void Record(RequestRecord request) => requests.Enqueue(request);

    internal async Task ApplyAsync(ApiRequest request, HttpContext context)
    {
        if (!faults.TryGetValue((request.Verb, request.Resource), out var fault) || Interlocked.Decrement(ref fault.Left) < 0)
        {
            return;
        }

        if (fault.Gate is { } gate)
        {
            await gate.PassAsync(context.RequestAborted);
        }

        await Task.Delay(fault.Delay, context.RequestAborted);
        if (fault.Cut)
        {
            context.Abort();
            throw new OperationCanceledException("cut by the test");
        }

        if (fault.Code != 0)
        {
            throw new ApiException(fault.Code, fault.Code == 410 ? "Expired" : "InternalError", "a fault of the test");
        }
    }

    private sealed class Fault
    {
        public int Left = int.MaxValue;
        public TimeSpan Delay;
        public bool Cut;
        public int Code;
        public FaultGate? Gate;
    }
}
