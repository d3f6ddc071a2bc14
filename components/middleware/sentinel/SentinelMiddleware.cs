using System.Collections.Frozen;
using System.Text.Json;
using DaprK8s.Components.Metadata;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Components.Middleware.Sentinel;

/// <summary>
/// Guards resources, each a method and a path (<c>GET:/v1.0/state/store</c>), by Sentinel's rules: flow, concurrency, circuit
/// breaking, and limits over all requests (contract: security 6). Only resources with rules take memory.
/// </summary>
internal sealed class SentinelMiddleware : IHttpMiddleware
{
    private static readonly MetadataField<string> AppName = Field.Text("appName", "Accepted; Sentinel names its statistics by it.");
    private static readonly MetadataField<string> LogDir = Field.Text("logDir", "Accepted; what there is to log goes to the sidecar's log.");
    private static readonly MetadataField<string> FlowRules = Field.Text("flowRules", "JSON list of flow rules: requests per interval, refused or paced.");
    private static readonly MetadataField<string> CircuitBreakerRules = Field.Text("circuitBreakerRules", "JSON list of circuit breaker rules.");
    private static readonly MetadataField<string> HotSpotParamRules = Field.Text("hotSpotParamRules", "Not supported; a list that is not empty is refused.");
    private static readonly MetadataField<string> IsolationRules = Field.Text("isolationRules", "JSON list of isolation rules: requests at a time.");
    private static readonly MetadataField<string> SystemRules = Field.Text("systemRules", "JSON list of rules over all requests: response time, concurrency, requests per second.");

    private FrozenDictionary<string, SentinelRules> resources = FrozenDictionary<string, SentinelRules>.Empty;
    private SentinelRules? system;
    private TimeProvider time = TimeProvider.System;
    private long began;

    private long Now => (long)time.GetElapsedTime(began).TotalMilliseconds;

    public static ProviderDescriptor Describe() => new(
        "Guards paths by Sentinel's rules of flow, isolation and circuit breaking.",
        [AppName, LogDir, FlowRules, CircuitBreakerRules, HotSpotParamRules, IsolationRules, SystemRules],
        () => new SentinelMiddleware());

    public Task InitAsync(ComponentContext context, CancellationToken cancellationToken)
    {
        time = context.Time;
        began = time.GetTimestamp();
        var metadata = context.Metadata;
        (string Resource, SentinelRule Rule)[] all =
        [
            .. Load(metadata, FlowRules, "flow", SentinelRuleReader.Flow),
            .. Load(metadata, IsolationRules, "isolation", SentinelRuleReader.Isolation),
            .. Load(metadata, CircuitBreakerRules, "circuit breaker", SentinelRuleReader.CircuitBreaker),
            .. Load(metadata, HotSpotParamRules, "hotspot param", SentinelRuleReader.HotSpot),
        ];
        resources = all.GroupBy(r => Plain(r.Resource), r => r.Rule).ToFrozenDictionary(g => g.Key, g => new SentinelRules([.. g]), StringComparer.Ordinal);
        var overall = Load(metadata, SystemRules, "system", SentinelRuleReader.OfSystem).Select(r => r.Rule).ToArray();
        system = overall.Length > 0 ? new SentinelRules(overall) : null;
        return Task.CompletedTask;
    }

    public Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        var rules = resources.Count == 0 ? null : resources.GetValueOrDefault($"{context.Request.Method}:{PlainPath.Of(context.Request.Path.Value ?? "/")}");
        return rules is null && system is null ? next(context) : GuardAsync(rules, context, next);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private async Task GuardAsync(SentinelRules? rules, HttpContext context, RequestDelegate next)
    {
        var entered = Now;
        if (system is not null && system.TryEnter(entered) is null)
        {
            await RefuseAsync(context);
            return;
        }

        var failed = true;
        var inside = false;
        try
        {
            if (rules is not null)
            {
                if (rules.TryEnter(entered) is not { } wait)
                {
                    failed = false;
                    await RefuseAsync(context);
                    return;
                }

                inside = true;
                if (wait > 0)
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(wait), time, context.RequestAborted);
                }
            }

            await next(context);
            failed = context.Response.StatusCode >= StatusCodes.Status500InternalServerError;
        }
        finally
        {
            var (now, took) = (Now, Now - entered);
            system?.Exit(now, took, failed);
            if (inside)
            {
                rules!.Exit(now, took, failed);
            }
        }
    }

    private static Task RefuseAsync(HttpContext context)
        => PlainAnswer.WriteAsync(context, StatusCodes.Status429TooManyRequests, "Too Many Requests");

    private static string Plain(string resource)
    {
        var parts = resource.Split(':', 2);
        return parts.Length == 2 ? $"{parts[0]}:{PlainPath.Of(parts[1])}" : resource;
    }

    private static IEnumerable<(string Resource, SentinelRule Rule)> Load(
        ComponentMetadata metadata, MetadataField<string> field, string kind, Func<string, IEnumerable<(string, SentinelRule)>> read)
    {
        var text = metadata.Get(field);
        try
        {
            return read(text);
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            throw new ComponentMetadataException(field.Name, $"fail to load sentinel {kind} rules '{text}': {e.Message}");
        }
    }
}
