namespace DaprK8s.Injector.Admission;

/// <summary>What becomes of requests, for metrics (contract: k8s 3.14).</summary>
internal interface IInjectionEvents
{
    /// <summary>A request came in.</summary>
    void Received();

    /// <summary>A pod got its sidecar.</summary>
    void Succeeded(string appId);

    /// <summary>A pod did not get one that may have expected it.</summary>
    void Failed(string appId, string reason);
}
