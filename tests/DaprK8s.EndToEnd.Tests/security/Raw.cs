using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.EndToEnd.Tests.Invocation;
using Grpc.Core;

namespace DaprK8s.EndToEnd.Tests.Security;

/// <summary>What attackers do by hand: requests whose every byte counts, and calls of methods that no client has.</summary>
internal static class Raw
{
    private static readonly Marshaller<byte[]> Bytes = Marshallers.Create(b => b, b => b);

    /// <summary>Sends a request without a body as it is written here; the status, and all that came.</summary>
    public static async Task<(int Status, string Answer)> GetAsync(int port, string target, string verb = "GET", params string[] headers)
        => await SendAsync(port, $"{verb} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{string.Concat(headers.Select(h => h + "\r\n"))}\r\n");

    /// <summary>Sends bytes; the status, 0 when the connection ended without one.</summary>
    public static async Task<(int Status, string Answer)> SendAsync(int port, string request)
    {
        var answer = await RawHttp.ExchangeAsync(port, request);
        return (answer.StartsWith("HTTP/1.", StringComparison.Ordinal) ? int.Parse(answer.Split(' ', 3)[1], System.Globalization.CultureInfo.InvariantCulture) : 0, answer);
    }

    /// <summary>Calls a gRPC method by its name with a message of any bytes.</summary>
    public static async Task<Status> CallAsync(Daprd daprd, string service, string method, Metadata? headers = null, byte[]? message = null)
        => (await CallForErrorAsync(daprd, service, method, headers, message))?.Status ?? Status.DefaultSuccess;

    /// <inheritdoc cref="CallAsync"/>
    /// <returns>The error; <see langword="null"/> for a success.</returns>
    public static async Task<RpcException?> CallForErrorAsync(Daprd daprd, string service, string method, Metadata? headers = null, byte[]? message = null)
    {
        var descriptor = new Method<byte[], byte[]>(MethodType.Unary, service, method, Bytes, Bytes);
        try
        {
            await daprd.Channel.CreateCallInvoker()
                .AsyncUnaryCall(descriptor, null, new CallOptions(headers, DateTime.UtcNow.AddSeconds(30)), message ?? []).ResponseAsync;
            return null;
        }
        catch (RpcException e)
        {
            return e;
        }
    }

    /// <summary>The ErrorInfo of an error.</summary>
    public static Google.Rpc.ErrorInfo Info(RpcException error)
        => Assert.Single(Google.Rpc.Status.Parser.ParseFrom(error.Trailers.GetValueBytes("grpc-status-details-bin")).Details).Unpack<Google.Rpc.ErrorInfo>();
}
