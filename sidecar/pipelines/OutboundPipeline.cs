using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Pipelines;

/// <summary>
/// <c>appHttpPipeline</c>: what stands between the sidecar and an HTTP app, an HTTPEndpoint or an external URL. A call is shown to
/// the handlers as the request that is about to be sent; bodies stream through in both directions.
/// </summary>
internal sealed class OutboundPipeline(HttpPipeline pipeline, ILogger logger)
{
    /// <summary>Sends a request through the handlers; returns once the answer's head is there. Dispose the answer.</summary>
    /// <exception cref="HttpRequestException">The target can't be reached.</exception>
    public Task<HttpResponseMessage> SendAsync(HttpMessageInvoker client, HttpRequestMessage message, CancellationToken cancellationToken)
        => new OutboundCall(client, message, logger).RunAsync(pipeline, cancellationToken);
}

/// <summary>How an optional pipeline is put in front of a client.</summary>
internal static class OutboundSending
{
    /// <summary>Sends through the pipeline, or straight away when there is none.</summary>
    public static Task<HttpResponseMessage> SendAsync(
        this HttpMessageInvoker client, OutboundPipeline? pipeline, HttpRequestMessage message, CancellationToken cancellationToken)
        => pipeline is null ? client.SendAsync(message, cancellationToken) : pipeline.SendAsync(client, message, cancellationToken);
}
