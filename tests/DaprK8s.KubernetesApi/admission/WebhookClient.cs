using System.Collections.Concurrent;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace DaprK8s.KubernetesApi.Admission;

/// <summary>Calls webhooks over TLS: at a URL or through a Service, whose certificate must be of the given authority and for <c>name.namespace.svc</c>.</summary>
internal sealed class WebhookClient(ServiceResolver services) : IDisposable
{
    private readonly ConcurrentDictionary<(string Target, string Authority), HttpClient> clients = new();

    /// <exception cref="WebhookException">There was no good answer.</exception>
    public async Task<JsonObject> CallAsync(JsonObject clientConfig, JsonObject review, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var (address, service) = AddressOf(clientConfig);
        var target = service is { } s ? $"https://{s.Name}.{s.Namespace}.svc:{s.Port}{address.AbsolutePath}" : address.ToString();
        var authority = (string?)clientConfig["caBundle"] ?? "";
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(timeout);
        var shown = $"Post \"{target}?timeout={(int)timeout.TotalSeconds}s\"";
        try
        {
            var client = clients.GetOrAdd((address.Authority, authority), _ => Create(authority, service));
            using var content = new StringContent(review.ToJsonString(), Encoding.UTF8, "application/json");
            content.Headers.ContentType!.CharSet = null;
            using var response = await client.PostAsync(new Uri($"{address}?timeout={(int)timeout.TotalSeconds}s"), content, limit.Token);
            var text = await response.Content.ReadAsStringAsync(limit.Token);
            return response.IsSuccessStatusCode
                ? JsonNode.Parse(text) as JsonObject ?? throw new WebhookException($"{shown}: the answer is no object")
                : throw new WebhookException($"an error on the server (\"{text.Trim()}\") has prevented the request from succeeding: {(int)response.StatusCode}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new WebhookException($"{shown}: context deadline exceeded");
        }
        catch (HttpRequestException e)
        {
            throw new WebhookException($"{shown}: {Reason(e)}");
        }
        catch (JsonException e)
        {
            throw new WebhookException($"{shown}: the answer is no JSON: {e.Message}");
        }
    }

    public void Dispose()
    {
        foreach (var client in clients.Values)
        {
            client.Dispose();
        }
    }

    private static (Uri Address, (string Namespace, string Name, int Port)? Service) AddressOf(JsonObject clientConfig)
    {
        if (clientConfig["service"] is not JsonObject service)
        {
            return (new Uri((string)clientConfig["url"]!), null);
        }

        var (ns, name, port) = ((string)service["namespace"]!, (string)service["name"]!, (int?)service["port"] ?? 443);
        var path = ((string?)service["path"])?.TrimStart('/');
        return (new Uri($"https://{name}.{ns}.svc:{port}/{path}"), (ns, name, port));
    }

    private HttpClient Create(string authority, (string Namespace, string Name, int Port)? service)
    {
        // No connection is kept: a webhook that has moved or has a new certificate is met as it is now.
        var handler = new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.Zero, UseProxy = false, AllowAutoRedirect = false };
        if (service is { } reference)
        {
            handler.ConnectCallback = async (_, cancellationToken) =>
            {
                var endpoint = services.Find(reference.Namespace, reference.Name, reference.Port)
                    ?? throw new HttpRequestException(
                        $"no endpoints available for service \"{reference.Name}\" (namespace {reference.Namespace}, port {reference.Port})");
                var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                try
                {
                    await socket.ConnectAsync(endpoint, cancellationToken);
                    return new NetworkStream(socket, true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            };
        }

        if (authority.Length > 0)
        {
            var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            try
            {
                policy.CustomTrustStore.ImportFromPem(Encoding.UTF8.GetString(Convert.FromBase64String(authority)));
            }
            catch (Exception e) when (e is FormatException or System.Security.Cryptography.CryptographicException)
            {
                throw new HttpRequestException($"unable to load root certificates: {e.Message}", e);
            }

            handler.SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy };
        }

        return new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    private static string Reason(Exception e)
    {
        while (e.InnerException is { } inner)
        {
            if (e is AuthenticationException)
            {
                break;
            }

            e = inner;
        }

        return e switch
        {
            AuthenticationException => $"tls: failed to verify certificate: x509: {e.Message}",
            SocketException { SocketErrorCode: SocketError.ConnectionRefused } => "dial tcp: connect: connection refused",
            _ => e.Message,
        };
    }
}

/// <summary>A webhook could not be called, or did not answer as it should.</summary>
internal sealed class WebhookException(string message) : Exception(message);
