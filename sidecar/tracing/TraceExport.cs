using DaprK8s.Sidecar.Runtime;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace DaprK8s.Sidecar.Tracing;

/// <summary>Samples and exports spans, as configured; nothing of it exists when no spans are made.</summary>
internal sealed class TraceExport : IDisposable
{
    private readonly TracerProvider provider;

    private TraceExport(TracerProvider provider) => this.provider = provider;

    /// <summary>Starts exporting, or yields <see langword="null"/> when there are no spans to export.</summary>
    public static TraceExport? Start(TracingSettings settings, SidecarInfo self, ILoggerFactory loggers)
    {
        if (settings.Mode != TracingMode.On)
        {
            return null;
        }

        var builder = Sdk.CreateTracerProviderBuilder()
            .AddSource(Tracer.Source.Name)
            .SetSampler(new ParentBasedSampler(settings.Rate >= 1 ? new AlwaysOnSampler() : new TraceIdRatioBasedSampler(settings.Rate)))
            .SetResourceBuilder(ResourceBuilder.CreateEmpty().AddService(self.AppId, autoGenerateServiceInstanceId: false).AddEnvironmentVariableDetector());
        if (settings.ToStdout)
        {
            builder.AddProcessor(new BatchActivityExportProcessor(new LogSpanExporter(loggers.CreateLogger("dapr.runtime.trace"))));
        }

        if (settings.ZipkinEndpoint is { } zipkin)
        {
#pragma warning disable CS0618 // Marked as ending with the format itself; Dapr's configuration still names it.
            builder.AddZipkinExporter(options => options.Endpoint = new Uri(zipkin));
#pragma warning restore CS0618
        }

        if (settings.Otlp is { } otlp)
        {
            builder.AddOtlpExporter(options => Configure(options, otlp));
        }

        return new TraceExport(builder.Build());
    }

    /// <summary>Sends what is left.</summary>
    public void Dispose() => provider.Dispose();

    private static void Configure(OtlpExporterOptions options, OtlpTarget target)
    {
        var scheme = target.IsSecure ? "https" : "http";
        options.Protocol = target.IsHttp ? OtlpExportProtocol.HttpProtobuf : OtlpExportProtocol.Grpc;
        options.Endpoint = new Uri(target.IsHttp ? $"{scheme}://{target.Endpoint}/v1/traces" : $"{scheme}://{target.Endpoint}");
        options.Headers = string.Join(',', target.Headers.Select(h => $"{h.Key}={Uri.EscapeDataString(h.Value)}"));
        if (target.Timeout is { } timeout)
        {
            options.TimeoutMilliseconds = (int)timeout.TotalMilliseconds;
        }
    }
}
