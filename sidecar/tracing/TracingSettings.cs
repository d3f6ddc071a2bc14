using System.Globalization;
using System.Text.Json;
using DaprK8s.Common.Resources;
using DaprK8s.Common.Text;
using DaprK8s.Sidecar.Runtime;

namespace DaprK8s.Sidecar.Tracing;

/// <summary>An OTLP receiver.</summary>
internal sealed record OtlpTarget(string Endpoint, bool IsHttp, bool IsSecure, IReadOnlyList<KeyValuePair<string, string>> Headers, TimeSpan? Timeout);

/// <summary>Reads <c>spec.tracing</c> and the <c>OTEL_*</c> variables (contract: messaging 10.1, operations 2.3).</summary>
internal sealed record TracingSettings
{
    private const double FallbackRate = 0.0001;

    public TracingMode Mode { get; private init; }

    /// <summary>The share of new traces that is sampled, 0 to 1.</summary>
    public double Rate { get; private init; }

    public bool ToStdout { get; private init; }

    public string? ZipkinEndpoint { get; private init; }

    public OtlpTarget? Otlp { get; private init; }

    /// <summary>How the sampler reads in the log.</summary>
    public string SamplerDescription
        => Rate >= 1 ? "ParentBased{root:AlwaysOnSampler}" : $"ParentBased{{root:TraceIDRatioBased{{{Rate.ToString(CultureInfo.InvariantCulture)}}}}}";

    /// <summary>Settles everything.</summary>
    /// <exception cref="FatalException">The protocol is unknown or a headers variable can't be read.</exception>
    public static TracingSettings Read(TracingSpec? spec, Func<string, string?> environment)
    {
        var otlp = ReadOtlp(spec?.Otel, environment, out var fromEnvironment);
        var zipkin = spec?.Zipkin?.EndpointAddress is { Length: > 0 } z ? z : null;
        var stdout = spec?.Stdout ?? false;
        var text = spec?.SamplingRate ?? "";
        if (text.Length == 0 && fromEnvironment)
        {
            text = "1";
        }

        var hasExporter = otlp is not null || zipkin is not null || stdout;
        var parsed = double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var rate) && rate >= 0;
        var mode = parsed && rate == 0 ? TracingMode.Off : text.Length == 0 && !hasExporter ? TracingMode.PassThrough : TracingMode.On;
        return new TracingSettings
        {
            Mode = mode,
            Rate = parsed ? Math.Min(rate, 1) : FallbackRate,
            ToStdout = stdout,
            ZipkinEndpoint = zipkin,
            Otlp = otlp,
        };
    }

    private static OtlpTarget? ReadOtlp(OtelSpec? spec, Func<string, string?> environment, out bool fromEnvironment)
    {
        fromEnvironment = false;
        if (spec?.EndpointAddress is { Length: > 0 } endpoint)
        {
            if (spec.Protocol is not { Length: > 0 } protocol)
            {
                return null;
            }

            return protocol is "http" or "grpc"
                ? new OtlpTarget(
                    endpoint, protocol == "http", spec.IsSecure ?? true, ReadHeaders(spec.Headers),
                    GoDuration.TryParse(spec.Timeout, out var t) && t > TimeSpan.Zero ? t : null)
                : throw new FatalException($"invalid protocol {protocol} provided for Otel endpoint");
        }

        if (Variable("ENDPOINT") is not { Length: > 0 } address)
        {
            return null;
        }

        fromEnvironment = true;
        var isHttp = Variable("PROTOCOL")?.StartsWith("http", StringComparison.Ordinal) ?? false;
        var secure = (spec?.IsSecure ?? true) && environment("OTEL_EXPORTER_OTLP_INSECURE") != "true";
        var timeout = int.TryParse(Variable("TIMEOUT"), out var ms) && ms > 0 ? TimeSpan.FromMilliseconds(ms) : (TimeSpan?)null;
        return new OtlpTarget(StripScheme(address), isHttp, secure, ParseHeaders(Variable("HEADERS") ?? ""), timeout);

        string? Variable(string name)
            => environment("OTEL_EXPORTER_OTLP_TRACES_" + name) is { Length: > 0 } own ? own : environment("OTEL_EXPORTER_OTLP_" + name);
    }

    private static string StripScheme(string address)
        => address.StartsWith("http://", StringComparison.Ordinal) ? address[7..].TrimEnd('/')
            : address.StartsWith("https://", StringComparison.Ordinal) ? address[8..].TrimEnd('/') : address;

    private static List<KeyValuePair<string, string>> ReadHeaders(JsonElement headers)
    {
        List<KeyValuePair<string, string>> list = [];
        if (headers.ValueKind != JsonValueKind.Array)
        {
            return list;
        }

        foreach (var item in headers.EnumerateArray())
        {
            if (item.ValueKind == JsonValueKind.String && item.GetString()!.Split('=', 2) is [var name, var value])
            {
                list.Add(new(name.Trim(), value.Trim()));
            }
            else if (item.ValueKind == JsonValueKind.Object && item.TryGetProperty("name", out var key) && item.TryGetProperty("value", out var text))
            {
                list.Add(new(key.ToString(), text.ToString()));
            }
        }

        return list;
    }

    private static List<KeyValuePair<string, string>> ParseHeaders(string text)
    {
        List<KeyValuePair<string, string>> list = [];
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part.Split('=', 2) is not [var name, var value])
            {
                // The text may hold a token: it is not repeated.
                throw new FatalException("missing '=' parse headers input (OTEL_EXPORTER_OTLP_HEADERS)");
            }

            if (name.Trim().Length == 0)
            {
                throw new FatalException("invalid header key (OTEL_EXPORTER_OTLP_HEADERS)");
            }

            list.Add(new(name.Trim(), Uri.UnescapeDataString(value.Trim())));
        }

        return list;
    }
}
