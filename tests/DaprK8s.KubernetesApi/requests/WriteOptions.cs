using DaprK8s.KubernetesApi.Access;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.KubernetesApi.Requests;

/// <summary>How a write is to be done, and what its answer warns of.</summary>
internal sealed class WriteOptions(Caller caller)
{
    private readonly List<string> warnings = [];

    public Caller Caller => caller;

    /// <summary>Everything happens but the write itself.</summary>
    public bool DryRun { get; init; }

    public string Manager { get; init; } = "unknown";

    /// <summary>An apply patch must name its manager.</summary>
    public bool HasManager { get; init; }

    /// <summary>An apply patch takes fields from their owners.</summary>
    public bool Force { get; init; }

    /// <summary><c>Strict</c>, <c>Warn</c> or <c>Ignore</c>.</summary>
    public string FieldValidation { get; init; } = "Warn";

    public IReadOnlyList<string> Warnings => warnings;

    public void Warn(string text)
    {
        if (!warnings.Contains(text))
        {
            warnings.Add(text);
        }
    }

    public static WriteOptions Read(HttpContext context, Caller caller)
    {
        var query = context.Request.Query;
        var manager = (string?)query["fieldManager"];
        return new WriteOptions(caller)
        {
            DryRun = query.ContainsKey("dryRun"),
            HasManager = !string.IsNullOrEmpty(manager),
            Manager = !string.IsNullOrEmpty(manager) ? manager
                : context.Request.Headers.UserAgent.ToString().Split('/')[0] is { Length: > 0 } agent ? agent
                : "unknown",
            Force = (string?)query["force"] is "true" or "1",
            FieldValidation = (string?)query["fieldValidation"] is { Length: > 0 } wanted ? wanted : "Warn",
        };
    }
}
