using System.Collections.Frozen;
using System.Net;
using DaprK8s.Sidecar.App;
using DaprK8s.Sidecar.Pipelines;
using DaprK8s.Common.Wire;
using DaprK8s.Sidecar.Wire;
using Grpc.Core;

namespace DaprK8s.Sidecar.Invocation;

/// <summary>A resolved HTTPEndpoint: its client with TLS set up, and the headers to set.</summary>
/// <param name="Name">The resource's name.</param>
/// <param name="BaseUrl">Where methods are appended.</param>
/// <param name="Headers">Set on each request, replacing what the caller sent under the name.</param>
/// <param name="Client">The connections.</param>
internal sealed record ExternalEndpoint(
    string Name, string BaseUrl, IReadOnlyList<KeyValuePair<string, string>> Headers, HttpMessageInvoker Client);

/// <summary>Invocation targets outside of Dapr: HTTPEndpoint resources and absolute URLs (contract: messaging 5.14).</summary>
internal sealed class ExternalTargets(OutboundPipeline? pipeline) : IDisposable
{
    private readonly Lazy<HttpMessageInvoker> direct = new(() => new HttpMessageInvoker(CreateHandler(redirects: false)));
    private volatile FrozenDictionary<string, ExternalEndpoint> endpoints = FrozenDictionary<string, ExternalEndpoint>.Empty;

    /// <summary>The names, for the metadata API.</summary>
    public IEnumerable<string> Names => endpoints.Keys;

    public void Replace(IEnumerable<ExternalEndpoint> resolved) => endpoints = resolved.ToFrozenDictionary(e => e.Name, StringComparer.Ordinal);

    /// <summary>The target of a name or URL; <see langword="null"/> when it is neither.</summary>
    public IInvokeTarget? Find(string id)
    {
        if (endpoints.Count > 0 && endpoints.TryGetValue(id, out var endpoint))
        {
            return new ExternalTarget(endpoint, pipeline);
        }

        return IsUrl(id) ? new ExternalTarget(new ExternalEndpoint(id, id, [], direct.Value), pipeline) : null;
    }

    public static bool IsUrl(string id)
        => id.StartsWith("http://", StringComparison.OrdinalIgnoreCase) || id.StartsWith("https://", StringComparison.OrdinalIgnoreCase);

    /// <summary>Connections to external services: TLS 1.2 or later, always verified.</summary>
    public static SocketsHttpHandler CreateHandler(bool redirects)
        => new()
        {
            AllowAutoRedirect = redirects,
            MaxAutomaticRedirections = 10,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            ActivityHeadersPropagator = null,
            RequestHeaderEncodingSelector = static (_, _) => System.Text.Encoding.UTF8,
            ResponseHeaderEncodingSelector = static (_, _) => System.Text.Encoding.UTF8,
            ConnectTimeout = TimeSpan.FromSeconds(15),
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            SslOptions = { EnabledSslProtocols = System.Security.Authentication.SslProtocols.Tls12 | System.Security.Authentication.SslProtocols.Tls13 },
        };

    public void Dispose()
    {
        if (direct.IsValueCreated)
        {
            direct.Value.Dispose();
        }

        foreach (var endpoint in endpoints.Values)
        {
            endpoint.Client.Dispose();
        }
    }

    private sealed class ExternalTarget(ExternalEndpoint endpoint, OutboundPipeline? pipeline) : IInvokeTarget
    {
        public async ValueTask<InvokeResponse> InvokeAsync(InvokeRequest request, CancellationToken cancellationToken)
        {
            using var message = Build(request);
            try
            {
                var response = await endpoint.Client.SendAsync(pipeline, message, cancellationToken);
                return new InvokeResponse(() =>
                {
                    response.Dispose();
                    return ValueTask.CompletedTask;
                })
                {
                    Code = (int)response.StatusCode,
                    Headers = HeaderRules.OfResponse(response),
                    ContentType = response.Content.Headers.NonValidated.TryGetValues("Content-Type", out var type) ? type.ToString() : "",
                    Body = await response.Content.ReadAsStreamAsync(cancellationToken),
                };
            }
            catch (HttpRequestException e)
            {
                throw new TransportException(StatusCode.Internal, Describe(e), e);
            }
        }

        // Go clients look for "tls:" in the text of a certificate failure (contract: security 4.11).
        private static string Describe(HttpRequestException e)
            => e.HttpRequestError == HttpRequestError.SecureConnectionError
                ? $"tls: {e.InnerException?.Message ?? e.Message}"
                : e.InnerException?.Message ?? e.Message;

        private HttpRequestMessage Build(InvokeRequest request)
        {
            var message = new HttpRequestMessage(HttpMethod.Parse(request.Verb is "NONE" or "" ? "POST" : request.Verb), BuildUrl(request))
            {
                VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
            };
            if (request.Body != Stream.Null)
            {
                message.Content = new StreamedContent(request.Body, request.ContentLength, request.ContentType);
            }

            StreamedContent.AddHeaders(message, request.Headers);
            foreach (var (name, value) in endpoint.Headers)
            {
                message.Headers.Remove(name);
                if (!message.Headers.TryAddWithoutValidation(name, value))
                {
                    message.Content?.Headers.TryAddWithoutValidation(name, value);
                }
            }

            if (request.Trace.TraceParent.Length > 0)
            {
                message.Headers.TryAddWithoutValidation("traceparent", request.Trace.TraceParent);
            }

            if (request.Trace.TraceState is { Length: > 0 } state)
            {
                message.Headers.TryAddWithoutValidation("tracestate", state);
            }

            return message;
        }

        private Uri BuildUrl(InvokeRequest request)
        {
            try
            {
                return AppUrl.Build(endpoint.BaseUrl.TrimEnd('/'), request.Method, request.Query);
            }
            catch (FormatException e)
            {
                throw new TransportException(StatusCode.Internal, e.Message, e);
            }
        }
    }
}
