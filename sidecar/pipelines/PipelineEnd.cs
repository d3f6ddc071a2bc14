using Microsoft.AspNetCore.Http;

namespace DaprK8s.Sidecar.Pipelines;

/// <summary>What lies behind a pipeline's last handler for one exchange; a feature of its context.</summary>
internal abstract class PipelineEnd
{
    public abstract Task ContinueAsync(HttpContext context);
}
