using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi;

namespace DaprK8s.Kubernetes.Tests.Support;

/// <summary>Bare HTTP to a test API server.</summary>
public sealed class ApiClient : IDisposable
{
    public ApiClient(KubernetesApiServer server, string? token = null)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPem(server.AuthorityPem);
        Http = new HttpClient(new SocketsHttpHandler { SslOptions = { CertificateChainPolicy = policy } }) { BaseAddress = server.Address };
        Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token ?? server.Tokens.AdministratorToken);
        Http.DefaultRequestHeaders.UserAgent.ParseAdd("tester/1.0");
    }

    public HttpClient Http { get; }

    /// <summary>The warnings of the last answer.</summary>
    public IReadOnlyList<string> Warnings { get; private set; } = [];

    public Task<JsonNode> GetAsync(string path, HttpStatusCode expected = HttpStatusCode.OK) => SendAsync(HttpMethod.Get, path, null, expected);

    public Task<JsonNode> PostAsync(string path, string body, HttpStatusCode expected = HttpStatusCode.Created) => SendAsync(HttpMethod.Post, path, body, expected);

    public Task<JsonNode> PutAsync(string path, string body, HttpStatusCode expected = HttpStatusCode.OK) => SendAsync(HttpMethod.Put, path, body, expected);

    public Task<JsonNode> MergeAsync(string path, string body, HttpStatusCode expected = HttpStatusCode.OK)
        => SendAsync(HttpMethod.Patch, path, body, expected, "application/merge-patch+json");

    public Task<JsonNode> ApplyAsync(string path, string manager, string body, HttpStatusCode expected = HttpStatusCode.OK, bool force = false)
        => SendAsync(HttpMethod.Patch, $"{path}?fieldManager={manager}&force={(force ? "true" : "false")}", body, expected, "application/apply-patch+yaml");

    public Task<JsonNode> DeleteAsync(string path, string? body = null, HttpStatusCode expected = HttpStatusCode.OK) => SendAsync(HttpMethod.Delete, path, body, expected);

    public async Task<JsonNode> SendAsync(HttpMethod method, string path, string? body, HttpStatusCode expected, string type = "application/json")
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8, type);
        }

        using var response = await Http.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(expected == response.StatusCode, $"{response.StatusCode}: {text}");
        Warnings = response.Headers.TryGetValues("Warning", out var warnings) ? [.. warnings] : [];
        return JsonNode.Parse(text)!;
    }

    public void Dispose() => Http.Dispose();
}
