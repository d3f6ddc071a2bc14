using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Patches;

namespace DaprK8s.Injector.Tests.Support;

/// <summary>Calls the webhook as the API server does: over TLS, trusting the CA bundle and nothing else, by the name of its Service.</summary>
internal sealed class WebhookClient : IDisposable
{
    private const string Host = "dapr-sidecar-injector.dapr-system.svc";

    private readonly SocketsHttpHandler handler;

    public WebhookClient(int port, string caBundle)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPem(caBundle);
        handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, ct) =>
            {
                Connections++;
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                await socket.ConnectAsync("127.0.0.1", port, ct);
                var tls = new SslStream(new NetworkStream(socket, ownsSocket: true));
                await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = Host, CertificateChainPolicy = policy }, ct);
                Presented = X509CertificateLoader.LoadCertificate(((X509Certificate2)tls.RemoteCertificate!).RawDataMemory.Span);
                return tls;
            },
        };

        // TLS is made in the callback, so that the certificate is seen.
        Http = new HttpClient(handler) { BaseAddress = new Uri($"http://{Host}"), Timeout = TimeSpan.FromSeconds(60) };
    }

    public HttpClient Http { get; }

    /// <summary>How many connections were made.</summary>
    public int Connections { get; private set; }

    /// <summary>The certificate that the webhook showed last.</summary>
    public X509Certificate2? Presented { get; private set; }

    public Task<HttpResponseMessage> PostAsync(string body, string contentType = "application/json", string path = "/mutate?timeout=10s")
    {
        var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
        content.Headers.ContentType = contentType.Length > 0 ? MediaTypeHeaderValue.Parse(contentType) : null;
        return Http.PostAsync(new Uri(path, UriKind.Relative), content, TestContext.Current.CancellationToken);
    }

    /// <summary>Asks about a review, and answers the response in the review that comes back.</summary>
    public async Task<JsonNode> AskAsync(JsonObject review)
    {
        using var answer = await PostAsync(review.ToJsonString());
        Assert.Equal("application/json", answer.Content.Headers.ContentType?.ToString());
        var body = JsonNode.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
        Assert.Equal((string?)review["request"]!["uid"], (string?)body["response"]!["uid"]);
        return body["response"]!;
    }

    /// <summary>The pod as it is admitted.</summary>
    public async Task<JsonNode> AdmitAsync(JsonObject pod)
    {
        var response = await AskAsync(Injections.Review(pod));
        Assert.True((bool)response["allowed"]!, response.ToJsonString());
        return response["patch"] is { } patch
            ? JsonPatch.Apply(pod, JsonNode.Parse(Convert.FromBase64String((string)patch!))!.AsArray()) : pod;
    }

    /// <summary>The sidecar's arguments in the pod as it is admitted, one text.</summary>
    public async Task<string> ArgumentsAsync(JsonObject pod)
        => string.Join(' ', (await AdmitAsync(pod))["spec"]!["containers"]!.AsArray().Single(c => (string)c!["name"]! == "daprd")!["args"]!.AsArray().Select(a => (string)a!));

    public void Dispose()
    {
        Http.Dispose();
        handler.Dispose();
        Presented?.Dispose();
    }
}
