using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using DaprK8s.Cluster.Objects;

namespace DaprK8s.Cluster.Node;

/// <summary>Asks a container how it is: by HTTP, by a TCP connection, by the gRPC health protocol or by a command.</summary>
internal sealed class Probe(JsonElement spec, JsonElement container, IPAddress address, Func<IEnumerable<string>, CancellationToken, Task<int>> execute)
{
    private static readonly HttpClient Http = new(new SocketsHttpHandler
    {
        PooledConnectionLifetime = TimeSpan.Zero,
        AllowAutoRedirect = false,
        UseProxy = false,
        SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = (_, _, _, _) => true },
    })
    { Timeout = Timeout.InfiniteTimeSpan };

    public TimeSpan InitialDelay => TimeSpan.FromSeconds(spec.Number("initialDelaySeconds") ?? 0);

    public TimeSpan Period => TimeSpan.FromSeconds(spec.Number("periodSeconds") ?? 10);

    public int SuccessThreshold => spec.Number("successThreshold") ?? 1;

    public int FailureThreshold => spec.Number("failureThreshold") ?? 3;

    /// <summary>Asks once.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    /// <param name="timeout">The time for an answer, when it is not the probe's own.</param>
    /// <returns>What is wrong; nothing when all is well.</returns>
    public async Task<string?> CheckAsync(CancellationToken cancellationToken, TimeSpan? timeout = null)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(timeout ?? TimeSpan.FromSeconds(spec.Number("timeoutSeconds") ?? 1));
        try
        {
            if (spec.At("httpGet") is { } get)
            {
                return await GetAsync(get, patience.Token);
            }

            if (spec.At("tcpSocket") is { } tcp)
            {
                using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(new IPEndPoint(address, Port(tcp)), patience.Token);
                return null;
            }

            if (spec.At("grpc") is { } grpc)
            {
                return await GrpcAsync(grpc, patience.Token);
            }

            var code = await execute(spec.Items("exec", "command").Select(c => c.GetString()!), patience.Token);
            return code == 0 ? null : $"command ended with {code}";
        }
        catch (Exception e) when (e is HttpRequestException or SocketException or IOException)
        {
            return e.Message;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return "no answer in time";
        }
    }

    private async Task<string?> GetAsync(JsonElement get, CancellationToken cancellationToken)
    {
        var scheme = (get.Text("scheme") ?? "HTTP").ToLowerInvariant();
        var path = get.Text("path") ?? "/";
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{scheme}://{get.Text("host") ?? address.ToString()}:{Port(get)}{(path.StartsWith('/') ? "" : "/")}{path}");
        request.Headers.UserAgent.ParseAdd("kube-probe/1.34");
        request.Headers.ConnectionClose = true;
        foreach (var header in get.Items("httpHeaders"))
        {
            request.Headers.TryAddWithoutValidation(header.Text("name")!, header.Text("value"));
        }

        using var response = await Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        var code = (int)response.StatusCode;
        return code is >= 200 and < 400 ? null : $"HTTP probe failed with statuscode: {code}";
    }

    /// <summary>One unary call, message by message: a length-prefixed request with the service's name, an answer with its state.</summary>
    private async Task<string?> GrpcAsync(JsonElement grpc, CancellationToken cancellationToken)
    {
        var service = Encoding.UTF8.GetBytes(grpc.Text("service") ?? "");
        byte[] message = service.Length == 0 ? [] : [0x0A, (byte)service.Length, .. service];
        var frame = new byte[5 + message.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), message.Length);
        message.CopyTo(frame, 5);
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://{address}:{Port(grpc)}/grpc.health.v1.Health/Check")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(frame) { Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") } },
        };
        request.Headers.TE.ParseAdd("trailers");
        using var response = await Http.SendAsync(request, cancellationToken);
        var answer = await response.Content.ReadAsByteArrayAsync(cancellationToken);
        return answer is [_, _, _, _, _, 0x08, 1, ..] ? null : "the service is not serving";
    }

    private int Port(JsonElement action) => PodSpecs.Port([container], action.Text("port"))
        ?? throw new HttpRequestException($"the container has no port {action.Text("port")}");
}
