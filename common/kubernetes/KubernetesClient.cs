using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace DaprK8s.Common.Kubernetes;

/// <summary>
/// Calls to the API server: typed objects in and out, refusals as <see cref="KubernetesException"/>. No client-side rate limit: the
/// server has one, and says when to come back.
/// </summary>
public sealed partial class KubernetesClient : IDisposable
{
    private const string Json = "application/json";
    private const string MetadataForm = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
    private const string MetadataListForm = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
    private const int MaxErrorBytes = 64 * 1024;
    private const int MaxAttempts = 4;

    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan MaxRetryAfter = TimeSpan.FromSeconds(5);

    private readonly KubernetesConnection connection;
    private readonly TimeProvider time;
    private readonly HttpClient http;

    // A handler that may fall back to HTTP/1.1 opens a connection for each call until the first is there, which at a start are a dozen.
    private volatile HttpVersionPolicy policy;

    /// <summary>Makes a client; nothing is connected until the first call.</summary>
    /// <param name="connection">Where to; disposed with the client.</param>
    /// <param name="timeProvider">The clock.</param>
    public KubernetesClient(KubernetesConnection connection, TimeProvider timeProvider)
    {
        this.connection = connection;
        time = timeProvider;
        http = new HttpClient(Handler(connection))
        {
            // What speaks TLS itself is not asked to by the address.
            BaseAddress = connection.Ed25519 is null ? connection.Server : new UriBuilder(connection.Server) { Scheme = "http", Port = connection.Server.Port }.Uri,
            Timeout = Timeout.InfiniteTimeSpan,
        };
        policy = http.BaseAddress.Scheme == Uri.UriSchemeHttps ? HttpVersionPolicy.RequestVersionExact : HttpVersionPolicy.RequestVersionOrLower;
        // The handler compares the certificate with the Host header, and would overwrite a name in its TLS options.
        http.DefaultRequestHeaders.Host = string.IsNullOrEmpty(connection.ServerName) ? null : connection.ServerName;
    }

    /// <summary>The namespace that the credentials are for, when they say so.</summary>
    public string? Namespace => connection.Namespace;

    /// <summary>Reads an object.</summary>
    /// <exception cref="KubernetesException">It is not there, or may not be read.</exception>
    public Task<T> GetAsync<T>(ApiResource<T> resource, string? @namespace, string name, CancellationToken cancellationToken)
        => CallAsync(resource, ApiCall.On(resource, "get", @namespace), HttpMethod.Get, resource.Path(@namespace, name), default, cancellationToken);

    /// <summary>Reads an object's metadata, without the rest of it leaving the server.</summary>
    public Task<PartialObject> GetMetadataAsync<T>(ApiResource<T> resource, string? @namespace, string name, CancellationToken cancellationToken)
    {
        var partial = new ApiResource<PartialObject>(resource.Group, resource.Version, resource.Plural, ApiJson.Default.PartialObject);
        return CallAsync(partial, ApiCall.On(resource, "get", @namespace), HttpMethod.Get, resource.Path(@namespace, name), default, cancellationToken, MetadataForm);
    }

    /// <summary>Creates an object.</summary>
    /// <returns>It as the server made it.</returns>
    public Task<T> CreateAsync<T>(ApiResource<T> resource, string? @namespace, T value, CancellationToken cancellationToken)
        => CallAsync(resource, ApiCall.On(resource, "create", @namespace), HttpMethod.Post, resource.Path(@namespace), Write(resource, value), cancellationToken);

    /// <summary>Replaces an object; a <c>resourceVersion</c> in it that is not the stored one any more is a conflict.</summary>
    public Task<T> UpdateAsync<T>(ApiResource<T> resource, string? @namespace, string name, T value, CancellationToken cancellationToken)
        => CallAsync(resource, ApiCall.On(resource, "update", @namespace), HttpMethod.Put, resource.Path(@namespace, name), Write(resource, value), cancellationToken);

    /// <summary>Opens a list; the caller reads and disposes it.</summary>
    internal async Task<HttpResponseMessage> OpenListAsync<T>(
        ApiResource<T> resource, string? @namespace, string query, bool metadataOnly, CancellationToken cancellationToken)
        => await SendAsync(ApiCall.On(resource, "list", @namespace), HttpMethod.Get, $"{resource.Path(@namespace)}?{query}", default, metadataOnly ? MetadataListForm : Json, cancellationToken);

    /// <summary>Opens a watch; the caller reads and disposes it.</summary>
    internal async Task<HttpResponseMessage> OpenWatchAsync<T>(
        ApiResource<T> resource, string? @namespace, string query, bool metadataOnly, CancellationToken cancellationToken)
        => await SendAsync(ApiCall.On(resource, "watch", @namespace), HttpMethod.Get, $"{resource.Path(@namespace)}?watch=true&{query}", default, metadataOnly ? MetadataForm : Json, cancellationToken);

    /// <inheritdoc/>
    public void Dispose()
    {
        http.Dispose();
        connection.Dispose();
    }

    private async Task<T> CallAsync<T>(
        ApiResource<T> resource,
        ApiCall call,
        HttpMethod method,
        string path,
        ReadOnlyMemory<byte> body,
        CancellationToken cancellationToken,
        string accept = Json,
        string contentType = Json)
    {
        using var limit = new CancellationTokenSource(CallTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            using var response = await SendAsync(call, method, path, body, accept, either.Token, contentType);
            using var stream = await response.Content.ReadAsStreamAsync(either.Token);
            return await JsonSerializer.DeserializeAsync(stream, resource.Json, either.Token)
                ?? throw new HttpRequestException($"cannot {call.Verb} {call.Resource}: the API server answered null");
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"cannot {call.Verb} {call.Resource}: the API server did not answer within {CallTimeout.TotalSeconds:0} s");
        }
    }

    private async Task<HttpResponseMessage> SendAsync(
        ApiCall call,
        HttpMethod method,
        string path,
        ReadOnlyMemory<byte> body,
        string accept,
        CancellationToken cancellationToken,
        string contentType = Json)
    {
        var spoken = policy;
        for (var attempt = 1; ; attempt++)
        {
            using var request = new HttpRequestMessage(method, path) { Version = HttpVersion.Version20, VersionPolicy = spoken };
            request.Headers.TryAddWithoutValidation("Accept", accept);
            request.Headers.Authorization = await connection.Credentials(cancellationToken);
            if (!body.IsEmpty)
            {
                request.Content = new ReadOnlyMemoryContent(body) { Headers = { ContentType = new MediaTypeHeaderValue(contentType) } };
            }

            HttpResponseMessage response;
            try
            {
                response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            }
            catch (HttpRequestException e) when (spoken == HttpVersionPolicy.RequestVersionExact
                && e.HttpRequestError is HttpRequestError.VersionNegotiationError or HttpRequestError.SecureConnectionError)
            {
                // Perhaps a proxy in front of the server that speaks HTTP/1.1 only; what else may be wrong is wrong again.
                spoken = HttpVersionPolicy.RequestVersionOrLower;
                continue;
            }

            if (response.Version.Major < 2)
            {
                policy = HttpVersionPolicy.RequestVersionOrLower;
            }

            if (response.IsSuccessStatusCode)
            {
                return response;
            }

            using (response)
            {
                var refusal = await RefusalAsync(call, response, cancellationToken);
                // The server sheds load before it looks at the request, so nothing has happened yet.
                if (response.StatusCode != HttpStatusCode.TooManyRequests || attempt == MaxAttempts)
                {
                    throw refusal;
                }

                var wait = refusal.RetryAfter ?? TimeSpan.FromSeconds(1);
                await Task.Delay(wait < MaxRetryAfter ? wait : MaxRetryAfter, time, cancellationToken);
            }
        }
    }

    private static async Task<KubernetesException> RefusalAsync(ApiCall call, HttpResponseMessage response, CancellationToken cancellationToken)
    {
        using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        var buffer = new byte[MaxErrorBytes];
        var read = await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
        return KubernetesException.FromStatus(call, (int)response.StatusCode, buffer.AsMemory(0, read), response.Headers.RetryAfter?.Delta);
    }

    private static byte[] Write<T>(ApiResource<T> resource, T value) => JsonSerializer.SerializeToUtf8Bytes(value, resource.Json);

    private static SocketsHttpHandler Handler(KubernetesConnection connection)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            EnableMultipleHttp2Connections = true,
            ConnectTimeout = TimeSpan.FromSeconds(15),
            // A watch may be silent for minutes: only pings tell that the other side is still there.
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            KeepAlivePingDelay = TimeSpan.FromSeconds(30),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(15),
        };
        if (connection.Ed25519 is { } ed25519)
        {
            handler.ConnectCallback = (context, cancellationToken) => ConnectAsync(ed25519, connection, context.DnsEndPoint, cancellationToken);
            return handler;
        }

        // A chain policy, not a callback: the name in the certificate is still compared with the address.
        var tls = handler.SslOptions;
        tls.CertificateChainPolicy = connection.Authorities is null ? null : Policy(connection);

        if (connection.SkipsServerVerification)
        {
#pragma warning disable CA5359 // The kubeconfig file says insecure-skip-tls-verify.
            tls.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
#pragma warning restore CA5359
        }

        if (connection.ClientCertificate is { } certificate)
        {
            tls.ClientCertificates = [certificate];
            tls.LocalCertificateSelectionCallback = (_, _, _, _, _) => certificate;
        }

        return handler;
    }

    private static X509ChainPolicy Policy(KubernetesConnection connection)
    {
        var policy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck };
        if (connection.Authorities is { } authorities)
        {
            policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            policy.CustomTrustStore.AddRange(authorities);
        }

        return policy;
    }

    private static async ValueTask<Stream> ConnectAsync(
        Ed25519Client client, KubernetesConnection connection, DnsEndPoint endpoint, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(endpoint, cancellationToken);
            return await client.ConnectAsync(
                new NetworkStream(socket, ownsSocket: true), string.IsNullOrEmpty(connection.ServerName) ? connection.Server.IdnHost : connection.ServerName,
                connection.SkipsServerVerification ? null : Policy(connection), cancellationToken);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
