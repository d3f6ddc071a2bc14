using System.Diagnostics;
using Microsoft.Extensions.Logging;
using OpenTelemetry;

namespace DaprK8s.Sidecar.Tracing;

/// <summary>Writes spans to the log, in the reference's line (contract: operations 5.9).</summary>
internal sealed class LogSpanExporter(ILogger logger) : BaseExporter<Activity>
{
    public override ExportResult Export(in Batch<Activity> batch)
    {
        foreach (var span in batch)
        {
            logger.LogInformation(
                "[{Name}] Trace: {Trace} Span: {Parent}/{Span} Time: [{Start} ->  {End}] Annotations: {Annotations}",
                span.DisplayName, span.TraceId, span.ParentSpanId, span.SpanId, span.StartTimeUtc.ToString("O"), (span.StartTimeUtc + span.Duration).ToString("O"),
                string.Join(' ', span.TagObjects.Select(t => $"{t.Key}:{t.Value}")));
        }

        return ExportResult.Success;
    }
}
