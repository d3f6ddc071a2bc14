using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sentry.Server;

/// <summary><c>/healthz</c>: whether all of sentry is up (contract: security 1.18).</summary>
internal sealed class SentryHealth(ILogger logger)
{
    private readonly List<(string Name, Func<bool> IsReady)> targets = [];

    /// <summary>Adds something that must be ready.</summary>
    public void Add(string name, Func<bool> isReady) => targets.Add((name, isReady));

    /// <summary>Answers a probe.</summary>
    public void Handle(HttpContext context)
    {
        if (context.Request.Path.Value != "/healthz")
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        var waiting = targets.Where(t => !t.IsReady()).Select(t => t.Name).ToArray();
        context.Response.StatusCode = waiting.Length == 0 ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        if (waiting.Length > 0)
        {
            logger.LogDebug("not ready yet: {Targets}", string.Join(", ", waiting));
        }
    }
}
