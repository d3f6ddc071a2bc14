using System.Globalization;
using DaprK8s.Common.Metrics;
using DaprK8s.Sidecar.Runtime;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Sidecar.Observability;

/// <summary>The <c>dapr_http_server_*</c> metrics, recorded where a request leaves the HTTP surface (contract: operations 5.5).</summary>
internal sealed class HttpServerMetrics(MetricsRegistry registry, SidecarInfo self, Live<HttpPathLabel> pathLabel)
{
    private static readonly string[] Labels = ["app_id", "method", "path", "status"];

    private readonly HistogramFamily requestBytes = registry.SizeHistogram("dapr_http_server_request_bytes", "Bytes of request bodies.", "app_id");
    private readonly HistogramFamily responseBytes = registry.SizeHistogram("dapr_http_server_response_bytes", "Bytes of response bodies.", "app_id");
    private readonly HistogramFamily latency = registry.LatencyHistogram("dapr_http_server_latency", "Latency of requests.", Labels);
    private readonly CounterFamily requests = registry.Counter("dapr_http_server_request_count", "Requests received.", Labels);
    private readonly Lazy<CounterFamily> responses = new(() => registry.Counter("dapr_http_server_response_count", "Responses sent.", Labels));

    public void Record(HttpContext context, string path, TimeSpan elapsed)
    {
        var paths = pathLabel.Value;
        var status = context.Response.StatusCode;
        var labels = new LabelValues(self.AppId, paths.Method(context.Request.Method), paths.ForServer(path), StatusText(status));
        requests.Increment(labels);
        if (!paths.IsLowCardinality)
        {
            responses.Value.Increment(labels);
        }

        latency.Observe(labels, elapsed.TotalMilliseconds);
        requestBytes.Observe(new LabelValues(self.AppId), context.Request.ContentLength ?? 0);
        responseBytes.Observe(new LabelValues(self.AppId), context.Response.ContentLength ?? 0);
    }

    private static string StatusText(int status)
        => status switch { 200 => "200", 204 => "204", 404 => "404", 500 => "500", _ => status.ToString(CultureInfo.InvariantCulture) };
}
