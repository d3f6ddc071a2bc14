using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Text;
using DaprK8s.Injector.Pods;

namespace DaprK8s.Injector.Sidecar;

/// <summary>Requests and limits of the sidecar as quantities of Kubernetes; empty ones are not set.</summary>
internal readonly record struct SidecarResources(string CpuRequest, string CpuLimit, string MemoryRequest, string MemoryLimit)
{
    private static readonly SidecarResources None = new("", "", "", "");

    /// <summary>Whether there are requests.</summary>
    public bool HasRequests => CpuRequest.Length > 0 || MemoryRequest.Length > 0;

    /// <summary>Whether there are limits.</summary>
    public bool HasLimits => CpuLimit.Length > 0 || MemoryLimit.Length > 0;

    /// <summary>Reads them; one that is no quantity drops all four (contract: k8s 3.6), since the API server would refuse the pod.</summary>
    public static SidecarResources Read(AnnotationValues annotations)
    {
        var all = new SidecarResources(
            annotations.Text(DaprAnnotations.SidecarCpuRequest, ""),
            annotations.Text(DaprAnnotations.SidecarCpuLimit, ""),
            annotations.Text(DaprAnnotations.SidecarMemoryRequest, ""),
            annotations.Text(DaprAnnotations.SidecarMemoryLimit, ""));
        return IsGood(annotations, DaprAnnotations.SidecarCpuRequest, all.CpuRequest)
            && IsGood(annotations, DaprAnnotations.SidecarCpuLimit, all.CpuLimit)
            && IsGood(annotations, DaprAnnotations.SidecarMemoryRequest, all.MemoryRequest)
            && IsGood(annotations, DaprAnnotations.SidecarMemoryLimit, all.MemoryLimit)
                ? all : None;
    }

    private static bool IsGood(AnnotationValues annotations, string key, string quantity)
    {
        if (quantity.Length == 0 || Quantity.IsWellFormed(quantity))
        {
            return true;
        }

        annotations.Warn($"annotation {key} is no quantity such as 250m or 64Mi, the sidecar gets no resource requests and limits at all: {GoQuote.Quote(quantity.Length <= 100 ? quantity : quantity[..100])}");
        return false;
    }
}
