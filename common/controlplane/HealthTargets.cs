using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Common.ControlPlane;

/// <summary><c>/healthz</c> of a control-plane service: whether all of it is up (contract: k8s 2.3, security 1.18).</summary>
public sealed class HealthTargets(ILogger logger)
{
    private readonly List<(string Name, Func<bool> IsReady)> targets = [];

    /// <summary>Adds something that must be ready; only before probes are answered.</summary>
    public void Add(string name, Func<bool> isReady) => targets.Add((name, isReady));

    /// <summary>What is not ready now.</summary>
    public IReadOnlyList<string> Waiting => [.. targets.Where(t => !t.IsReady()).Select(t => t.Name)];

    /// <summary>Answers a probe: 200 or 503, without a body.</summary>
    public Task HandleAsync(HttpContext context)
    {
        if (context.Request.Path.Value != "/healthz")
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        }

        var waiting = Waiting;
        context.Response.StatusCode = waiting.Count == 0 ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        if (waiting.Count > 0)
        {
            logger.LogDebug("not ready yet: {Targets}", string.Join(", ", waiting));
        }

        return Task.CompletedTask;
    }
}
