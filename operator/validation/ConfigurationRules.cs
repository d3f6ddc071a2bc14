using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using DaprK8s.Common.Resources;
using DaprK8s.Common.Text;

namespace DaprK8s.Operator.Validation;

/// <summary>Judges Configurations: what keeps a sidecar from starting is refused, what has no effect is warned about.</summary>
internal sealed class ConfigurationRules(ComponentCatalogue catalogue, SecretRules secrets)
{
    private static readonly TimeSpan PatternTimeout = TimeSpan.FromMilliseconds(100);

    private static readonly string[] Apis =
    [
        "invoke", "state", "publish", "bindings", "secrets", "actors", "metadata", "configuration", "lock", "unlock", "crypto",
        "subtlecrypto", "workflows", "jobs", "conversation", "shutdown", "healthz", "subscribe",
    ];

    /// <summary>Adds what is found in a configuration.</summary>
    public async ValueTask CheckAsync(Configuration configuration, string @namespace, Findings findings, CancellationToken cancellationToken)
    {
        var spec = configuration.Spec;
        CheckPipeline(spec.HttpPipeline, "spec.httpPipeline", findings);
        CheckPipeline(spec.AppHttpPipeline, "spec.appHttpPipeline", findings);
        CheckMetrics(spec.Metric, "spec.metric", findings);
        CheckMetrics(spec.Metrics, "spec.metrics", findings);
        CheckDuration(spec.Mtls?.WorkloadCertTTL, "spec.mtls.workloadCertTTL", findings);
        CheckDuration(spec.Mtls?.AllowedClockSkew, "spec.mtls.allowedClockSkew", findings);
        CheckSecretScopes(spec.Secrets?.Scopes ?? [], findings);
        AccessControlRules.Check(spec.AccessControl, findings);
        CheckApis(spec.Api?.Allowed, "spec.api.allowed", findings);
        CheckApis(spec.Api?.Denied, "spec.api.denied", findings);
        CheckDenied(spec.Components?.Deny ?? [], findings);
        CheckWorkflow(spec.Workflow?.StateRetentionPolicy, findings);
        await CheckTracingAsync(spec.Tracing, @namespace, findings, cancellationToken);
    }

    private void CheckPipeline(PipelineSpec? pipeline, string path, Findings findings)
    {
        foreach (var (index, handler) in (pipeline?.Handlers ?? []).Index())
        {
            var place = $"{path}.handlers[{index}].type";
            if (catalogue.Find(handler.Type).Count == 0)
            {
                findings.Warn(place, $"there is no middleware {GoQuote.Quote(handler.Type)}{Suggestion.For(handler.Type, Middleware())}");
            }
            else if (!handler.Type.StartsWith("middleware.http.", StringComparison.OrdinalIgnoreCase))
            {
                findings.Warn(place, $"{handler.Type} is no middleware, the handler is skipped; use a type middleware.http.*");
            }
        }

        IEnumerable<string> Middleware() => catalogue.Types.Where(t => t.StartsWith("middleware.", StringComparison.Ordinal));
    }

    private async ValueTask CheckTracingAsync(TracingSpec? tracing, string @namespace, Findings findings, CancellationToken cancellationToken)
    {
        if (tracing is null)
        {
            return;
        }

        if (tracing.SamplingRate is { Length: > 0 } rate
            && !(double.TryParse(rate, NumberStyles.Float, CultureInfo.InvariantCulture, out var share) && share is >= 0 and <= 1))
        {
            findings.Refuse("spec.tracing.samplingRate", $"must be a number from 0 to 1, is {GoQuote.Quote(rate)}; \"0.1\" traces one request in ten");
        }

        if (tracing.Zipkin?.EndpointAddress is { Length: > 0 } zipkin && !Uri.TryCreate(zipkin, UriKind.Absolute, out _))
        {
            findings.Refuse("spec.tracing.zipkin.endpointAddress", $"{GoQuote.Quote(zipkin)} is no URL; write one such as http://zipkin:9411/api/v2/spans");
        }

        if (tracing.Otel is not { } otel)
        {
            return;
        }

        if (otel.Protocol is { Length: > 0 } protocol && protocol is not ("grpc" or "http"))
        {
            findings.Refuse("spec.tracing.otel.protocol", $"must be grpc or http, is {GoQuote.Quote(protocol)}");
        }

        CheckDuration(otel.Timeout, "spec.tracing.otel.timeout", findings);
        await CheckHeadersAsync(otel.Headers, @namespace, findings, cancellationToken);
    }

    private async ValueTask CheckHeadersAsync(JsonElement headers, string @namespace, Findings findings, CancellationToken cancellationToken)
    {
        const string path = "spec.tracing.otel.headers";
        if (headers.ValueKind != JsonValueKind.Array || headers.EnumerateArray().Any(h => h.ValueKind != JsonValueKind.Object))
        {
            return;
        }

        var pairs = headers.Deserialize(NameValuePair.ListJson)!;
        foreach (var (index, pair) in pairs.Index())
        {
            if (SecretRules.HasReference(pair.SecretKeyRef) && string.IsNullOrEmpty(pair.SecretKeyRef!.Key))
            {
                findings.Refuse(SecretRules.Place(path, index, pair.Name, ".secretKeyRef.key"), "must not be empty here; name the key of the Secret");
            }
        }

        await secrets.CheckPairsAsync(@namespace, null, pairs, path, findings, cancellationToken);
    }

    private static void CheckMetrics(MetricSpec? metrics, string path, Findings findings)
    {
        CheckDuration(metrics?.Workflow?.LatencyDistributionUnits, path + ".workflow.latencyDistributionUnits", findings);
        foreach (var (index, rule) in (metrics?.Rules ?? []).Index())
        {
            foreach (var label in rule.Labels)
            {
                foreach (var (_, pattern) in label.Regex)
                {
                    if (DescribeBadPattern(pattern) is { } problem)
                    {
                        findings.Refuse($"{path}.rules[{index}] ({rule.Name}, label {label.Name})", $"{GoQuote.Quote(pattern)} is no regular expression: {problem}");
                    }
                }
            }
        }
    }

    private static string? DescribeBadPattern(string pattern)
    {
        try
        {
            _ = new Regex(pattern, RegexOptions.CultureInvariant, PatternTimeout);
            return null;
        }
        catch (ArgumentException e)
        {
            return e.Message;
        }
    }

    private static void CheckSecretScopes(List<SecretScopeSpec> scopes, Findings findings)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (index, scope) in scopes.Index())
        {
            var path = $"spec.secrets.scopes[{index}]";
            if (!seen.Add(scope.StoreName))
            {
                findings.Refuse(path + ".storeName", $"{GoQuote.Quote(scope.StoreName)} is repeated; put what holds for a store into one scope");
            }

            AccessControlRules.CheckAction(scope.DefaultAccess, path + ".defaultAccess", findings);
        }
    }

    private static void CheckApis(List<ApiAccessRule>? rules, string path, Findings findings)
    {
        foreach (var (index, rule) in (rules ?? []).Index())
        {
            if (string.IsNullOrEmpty(rule.Protocol))
            {
                findings.Warn($"{path}[{index}].protocol", "is empty, so the rule has no effect; use http or grpc");
            }
            else if (rule.Protocol.ToLowerInvariant() is not ("http" or "grpc"))
            {
                findings.Refuse($"{path}[{index}].protocol", $"must be http or grpc, is {GoQuote.Quote(rule.Protocol)}");
            }

            // Versions of the older style, such as v1.0, go with the beginning of a path.
            if (!Apis.Contains(rule.Name, StringComparer.Ordinal) && !rule.Version.Contains('.'))
            {
                findings.Warn($"{path}[{index}].name", $"there is no API {GoQuote.Quote(rule.Name)}{Suggestion.For(rule.Name, Apis)}");
            }
        }
    }

    private void CheckDenied(List<string> denied, Findings findings)
    {
        foreach (var (index, entry) in denied.Index())
        {
            var type = entry.Split('/')[0];
            if (type.Length > 0 && Suggestion.Nearest(type, catalogue.Types) is { } nearest && !catalogue.Types.Contains(type, StringComparer.Ordinal))
            {
                findings.Warn($"spec.components.deny[{index}]", $"there is no component type {GoQuote.Quote(type)}; did you mean {nearest}?");
            }
        }
    }

    private static void CheckWorkflow(StateRetentionSpec? retention, Findings findings)
    {
        const string path = "spec.workflow.stateRetentionPolicy";
        CheckDuration(retention?.AnyTerminal, path + ".anyTerminal", findings);
        CheckDuration(retention?.Completed, path + ".completed", findings);
        CheckDuration(retention?.Failed, path + ".failed", findings);
        CheckDuration(retention?.Terminated, path + ".terminated", findings);
    }

    private static void CheckDuration(string? text, string path, Findings findings)
    {
        if (text is { Length: > 0 } && !GoDuration.TryParse(text, out _))
        {
            findings.Refuse(path, $"{GoQuote.Quote(text)} is no duration; write one such as 30s or 24h");
        }
    }
}
