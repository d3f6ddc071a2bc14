using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Admission;
using DaprK8s.KubernetesApi.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace DaprK8s.KubernetesApi.Requests;

/// <summary>HTTP through the API server to a pod or a Service: <c>.../services/name:port/proxy/path</c>.</summary>
internal sealed class Proxying(ObjectStore store, ServiceResolver services) : IDisposable
{
    // A pod's certificate names the pod, if anything; the API server does not look at it here.
    private readonly HttpMessageInvoker http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
        SslOptions = { RemoteCertificateValidationCallback = static (_, _, _, _) => true },
    });

    public async Task AnswerAsync(ApiRequest request, HttpContext context)
    {
        var (scheme, endpoint) = TargetOf(request);
        var path = context.Request.Path.Value!;
        var at = path.IndexOf("/proxy", path.IndexOf($"/{request.Name}/", StringComparison.Ordinal), StringComparison.Ordinal) + "/proxy".Length;
        using var forwarded = new HttpRequestMessage(
            new HttpMethod(context.Request.Method), new Uri($"{scheme}://{endpoint}/{path[at..].TrimStart('/')}{context.Request.QueryString}"));
        if (context.Request.ContentLength > 0 || !StringValues.IsNullOrEmpty(context.Request.Headers.TransferEncoding))
        {
            forwarded.Content = new StreamContent(context.Request.Body);
        }

        foreach (var (name, value) in context.Request.Headers)
        {
            if (name is not ("Host" or "Authorization" or "Connection" or "Transfer-Encoding") && !forwarded.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)value))
            {
                forwarded.Content?.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)value);
            }
        }

        HttpResponseMessage response;
        try
        {
            response = await http.SendAsync(forwarded, context.RequestAborted);
        }
        catch (HttpRequestException e)
        {
            throw new ApiException(503, "ServiceUnavailable", $"error trying to reach service: {e.Message}");
        }

        using (response)
        {
            context.Response.StatusCode = (int)response.StatusCode;
            foreach (var (name, value) in response.Headers.Concat(response.Content.Headers))
            {
                if (name is not ("Transfer-Encoding" or "Connection"))
                {
                    context.Response.Headers[name] = value.ToArray();
                }
            }

            await response.Content.CopyToAsync(context.Response.Body, context.RequestAborted);
        }
    }

    public void Dispose() => http.Dispose();

    private (string Scheme, IPEndPoint Endpoint) TargetOf(ApiRequest request)
    {
        // [scheme:]name[:port]
        var parts = request.Name.Split(':');
        var (scheme, name, port) = parts switch
        {
            [var only] => ("http", only, ""),
            [var n, var p] => ("http", n, p),
            [var s, var n, var p] => (s.Length == 0 ? "http" : s, n, p),
            _ => throw ApiException.BadRequest($"invalid proxy request \"{request.Name}\""),
        };
        var stored = store.Find(request.Type!, request.Namespace!, name) ?? throw ApiException.NotFound(request.Type!, name);
        return (scheme, stored.Type.QualifiedName == "pods" ? Pod(stored, port) : Service(stored, port));
    }

    private static IPEndPoint Pod(StoredObject pod, string port)
        => IPAddress.TryParse(pod.Text("status", "podIP"), out var address)
            ? new IPEndPoint(address, int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 80)
            : throw new ApiException(503, "ServiceUnavailable", $"address not allowed: pod {pod.Name} has no address yet");

    private IPEndPoint Service(StoredObject service, string port)
    {
        var ports = service.ToNode()["spec"]?["ports"] as JsonArray ?? [];
        var chosen = ports.FirstOrDefault(p => port.Length == 0 || (string?)p?["name"] == port || p?["port"]?.ToString() == port);
        return chosen is not null && services.Find(service.Namespace, service.Name, (int)chosen["port"]!) is { } endpoint
            ? endpoint
            : throw new ApiException(503, "ServiceUnavailable", $"no endpoints available for service \"{service.Name}\"");
    }
}
