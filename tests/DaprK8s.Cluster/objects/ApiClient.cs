using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi;

namespace DaprK8s.Cluster.Objects;

/// <summary>
/// One of the cluster's own accounts at the API server. What others may have a say in (the creation and deletion of pods) goes this
/// way, through admission and under the account's name.
/// </summary>
internal sealed class ApiClient : IDisposable
{
    private readonly HttpClient http;

    /// <param name="server">The server.</param>
    /// <param name="username">For example <c>system:serviceaccount:kube-system:replicaset-controller</c>.</param>
    public ApiClient(KubernetesApiServer server, string username)
    {
        var token = "cluster-" + Guid.NewGuid().ToString("N");
        server.Tokens.Add(token, username);
        var authorities = new X509Certificate2Collection();
        authorities.ImportFromPem(server.AuthorityPem);
        http = new HttpClient(new SocketsHttpHandler
        {
            SslOptions =
            {
                CertificateChainPolicy = new X509ChainPolicy
                {
                    TrustMode = X509ChainTrustMode.CustomRootTrust,
                    RevocationMode = X509RevocationMode.NoCheck,
                    CustomTrustStore = { authorities[0] },
                },
            },
        })
        {
            BaseAddress = server.Address,
            Timeout = TimeSpan.FromSeconds(40),
        };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    /// <summary>Creates an object.</summary>
    /// <param name="collection">The path of its collection.</param>
    /// <param name="body">The object.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="HttpRequestException">The server refused; the message is the server's.</exception>
    public async Task<JsonElement> CreateAsync(string collection, JsonObject body, CancellationToken cancellationToken)
    {
        using var content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        using var response = await http.PostAsync(collection, content, cancellationToken);
        return await ReadAsync(response, cancellationToken);
    }

    /// <summary>Deletes an object; one that is gone already is deleted.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="uid">Only this one, not another of its name.</param>
    /// <param name="graceSeconds">How long it has; its own time when absent.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task DeleteAsync(string path, string uid, int? graceSeconds, CancellationToken cancellationToken)
    {
        var options = new JsonObject { ["kind"] = "DeleteOptions", ["apiVersion"] = "v1", ["preconditions"] = new JsonObject { ["uid"] = uid } };
        if (graceSeconds is { } seconds)
        {
            options["gracePeriodSeconds"] = seconds;
        }

        using var request = new HttpRequestMessage(HttpMethod.Delete, path)
        {
            Content = new StringContent(options.ToJsonString(), Encoding.UTF8, "application/json"),
        };
        using var response = await http.SendAsync(request, cancellationToken);
        if (response.StatusCode is not (System.Net.HttpStatusCode.NotFound or System.Net.HttpStatusCode.Conflict))
        {
            await ReadAsync(response, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => http.Dispose();

    private static async Task<JsonElement> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var text = await response.Content.ReadAsStringAsync(cancellationToken);
        if (!response.IsSuccessStatusCode)
        {
            string? message = null;
            try
            {
                message = JsonDocument.Parse(text).RootElement.Text("message");
            }
            catch (JsonException)
            {
                // No status object: the text itself says what there is to say.
            }

            throw new HttpRequestException(message ?? text, null, response.StatusCode);
        }

        return JsonDocument.Parse(text).RootElement;
    }
}
