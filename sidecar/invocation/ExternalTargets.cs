using System.Collections.Frozen;
using System.Net;
using DaprK8s.Sidecar.App;
using DaprK8s.Sidecar.Pipelines;
using DaprK8s.Sidecar.Runtime;
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
    string Name, string BaseUrl, IReadOnlyList<KeyValuePair<string, string>> Headers, HttpMessageInvoker Client)
{
    /// <summary>Counts the calls in flight, so that the client of a replaced endpoint is closed after them.</summary>
    public WorkGate Uses { get; } = new();

    /// <summary>A resource's redirects are followed; those of a bare URL are the caller's business.</summary>
    public bool FollowsRedirects { get; init; }
}

/// <summary>Invocation targets outside of Dapr: HTTPEndpoint resources and absolute URLs (contract: messaging 5.14).</summary>
internal sealed class ExternalTargets(Live<OutboundPipeline?> pipeline) : IDisposable
{
    private readonly Live<OutboundPipeline?> pipeline = pipeline;
    private readonly Lazy<HttpMessageInvoker> direct = new(() => new HttpMessageInvoker(CreateHandler()));
    private volatile FrozenDictionary<string, ExternalEndpoint> endpoints = FrozenDictionary<string, ExternalEndpoint>.Empty;

    /// <summary>The names, for the metadata API.</summary>
    public IEnumerable<string> Names => endpoints.Keys;

    /// <summary>Puts these in the place of all; the clients of those that are no longer among them are closed after their calls.</summary>
    public void Replace(IReadOnlyCollection<ExternalEndpoint> resolved)
    {
        var before = endpoints;
        endpoints = resolved.ToFrozenDictionary(e => e.Name, StringComparer.Ordinal);
        foreach (var old in before.Values.Where(e => !resolved.Contains(e, ReferenceEqualityComparer.Instance)))
        {
            _ = CloseAsync(old);
        }
    }

    /// <summary>The target of a name or URL; <see langword="null"/> when it is neither.</summary>
    public IInvokeTarget? Find(string id)
    {
        if (endpoints.Count > 0 && endpoints.TryGetValue(id, out var endpoint))
        {
            return new NamedTarget(this, endpoint);
        }

        return IsUrl(id) ? new ExternalTarget(new ExternalEndpoint(id, id, [], direct.Value), pipeline.Value) : null;
    }

    public static bool IsUrl(string id)
        => id.StartsWith("http://", StringComparison.OrdinalIgnoreCase) || id.StartsWith("https://", StringComparison.OrdinalIgnoreCase);

    /// <summary>Connections to external services: TLS 1.2 or later, always verified.</summary>
    public static SocketsHttpHandler CreateHandler()
        => new()
        {
            AllowAutoRedirect = false,
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

    private static async Task CloseAsync(ExternalEndpoint endpoint)
    {
        endpoint.Uses.Seal();
        await endpoint.Uses.Idle;
        endpoint.Client.Dispose();
    }

    /// <summary>A call to the endpoint of a name, whichever has it when the call is made; the endpoint stays open until the answer is read.</summary>
    private sealed class NamedTarget(ExternalTargets targets, ExternalEndpoint found) : IInvokeTarget
    {
        public async ValueTask<InvokeResponse> InvokeAsync(InvokeRequest request, CancellationToken cancellationToken)
        {
            var endpoint = found;
            while (!endpoint.Uses.TryEnter())
            {
                endpoint = targets.endpoints.GetValueOrDefault(found.Name)
                    ?? throw new TransportException(StatusCode.Internal, $"http endpoint {found.Name} was removed");
            }

            try
            {
                return await new ExternalTarget(endpoint, targets.pipeline.Value) { OnEnd = endpoint.Uses.Exit }.InvokeAsync(request, cancellationToken);
            }
            catch
            {
                endpoint.Uses.Exit();
                throw;
            }
        }
    }

    private sealed class ExternalTarget(ExternalEndpoint endpoint, OutboundPipeline? pipeline) : IInvokeTarget
    {
        private int hasEnded;

        /// <summary>Called once, when the answer is given up; not when there was none.</summary>
        public Action? OnEnd { get; init; }

        public async ValueTask<InvokeResponse> InvokeAsync(InvokeRequest request, CancellationToken cancellationToken)
        {
            try
            {
                var response = await SendAsync(request, BuildUrl(request), cancellationToken);
                return new InvokeResponse(() =>
                {
                    response.Dispose();
                    if (Interlocked.Exchange(ref hasEnded, 1) == 0)
                    {
                        OnEnd?.Invoke();
                    }

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

        private async ValueTask<HttpResponseMessage> SendAsync(InvokeRequest request, Uri url, CancellationToken cancellationToken)
        {
            var (verb, body, first, trusted) = (request.Verb is "NONE" or "" ? "POST" : request.Verb, request.Body, url, true);
            for (var redirects = 0; ; redirects++)
            {
                using var message = Build(request, verb, url, body, trusted);

                // Handlers may add credentials of their own, which are no other origin's business either.
                var response = trusted
                    ? await endpoint.Client.SendAsync(pipeline, message, cancellationToken)
                    : await endpoint.Client.SendAsync(message, cancellationToken);
                if (!endpoint.FollowsRedirects || redirects == Redirects.Most
                    || Redirects.Next(response, response.RequestMessage?.RequestUri ?? url) is not { } next)
                {
                    return response;
                }

                if (!Redirects.KeepsBody(response.StatusCode, verb))
                {
                    (verb, body) = (verb == "HEAD" ? verb : "GET", Stream.Null);
                }
                else if (body != Stream.Null)
                {
                    if (request.Replayed is not { } bytes)
                    {
                        // A body that went by can't be sent again; the caller may.
                        return response;
                    }

                    request.Replay(bytes);
                    body = request.Body;
                }

                response.Dispose();
                url = next;
                trusted &= Redirects.IsSameOrigin(first, next);
            }
        }

        private HttpRequestMessage Build(InvokeRequest request, string verb, Uri url, Stream body, bool trusted)
        {
            var message = new HttpRequestMessage(HttpMethod.Parse(verb), url) { VersionPolicy = HttpVersionPolicy.RequestVersionOrLower };
            var isLeftOut = request.Body != Stream.Null && body == Stream.Null;
            if (body != Stream.Null)
            {
                message.Content = new StreamedContent(body, request.ContentLength, request.ContentType);
            }

            StreamedContent.AddHeaders(
                message,
                trusted && !isLeftOut ? request.Headers
                    : request.Headers.Where(h => (trusted || !Redirects.IsCredential(h.Key)) && !(isLeftOut && h.Key.StartsWith("Content-", StringComparison.OrdinalIgnoreCase))));
            foreach (var (name, value) in trusted ? endpoint.Headers : [])
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

        // The method was cleaned of "..", but not of an escaped one, which many a server takes for the same and would leave the base path by.
        private static void RefuseHiddenDots(string method)
        {
            if (method.AsSpan().IndexOfAny('%', ';') < 0)
            {
                return;
            }

            foreach (var segment in Uri.UnescapeDataString(method).Split('/', '\\'))
            {
                if (segment.Split(';')[0] is "." or "..")
                {
                    throw new FormatException("invalid method: it leads out of the endpoint's base URL");
                }
            }
        }

        private Uri BuildUrl(InvokeRequest request)
        {
            try
            {
                if (endpoint.FollowsRedirects)
                {
                    RefuseHiddenDots(request.Method);
                }

                return AppUrl.Build(endpoint.BaseUrl.TrimEnd('/'), request.Method, request.Query);
            }
            catch (FormatException e)
            {
                throw new TransportException(StatusCode.Internal, e.Message, e);
            }
        }
    }
}
