using System.Net;
using DaprK8s.Protos.Runtime.V1;
using DaprK8s.Sidecar.Flags;
using DaprK8s.Sidecar.Observability;
using DaprK8s.Sidecar.Tracing;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace DaprK8s.Sidecar.App;

/// <summary>One health probe of the app (contract: api 3.3): without token, trace or concurrency slot.</summary>
internal sealed class AppHealthProbe(AppOptions options, AppHealthOptions health, AppConnections connections, IGrpcAppChannel? grpc, AppMetrics metrics, TimeProvider time)
{
    private static readonly Method<Empty, HealthCheckResponse> HealthCheck = new(
        MethodType.Unary,
        "dapr.proto.runtime.v1.AppCallbackHealthCheck",
        "HealthCheck",
        Marshallers.Create(static m => Google.Protobuf.MessageExtensions.ToByteArray(m), Empty.Parser.ParseFrom),
        Marshallers.Create(static m => Google.Protobuf.MessageExtensions.ToByteArray(m), HealthCheckResponse.Parser.ParseFrom));

    /// <summary>Why the app is not healthy, or <see langword="null"/>.</summary>
    public async Task<string?> RunAsync(CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(health.Timeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        var started = time.GetTimestamp();
        try
        {
            if (options.IsGrpc)
            {
                await grpc!.CallAsync(HealthCheck, new Empty(), TraceContext.None, Components.EmptyMetadata.Instance, both.Token);
                metrics.RecordGrpcProbe(StatusCode.OK, time.GetElapsedTime(started));
                return null;
            }

            using var request = new HttpRequestMessage(HttpMethod.Get, connections.BaseUrl + health.Path)
            {
                Version = connections.IsHttp2 ? HttpVersion.Version20 : HttpVersion.Version11,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            };
            using var response = await connections.Client.SendAsync(request, both.Token);
            metrics.RecordHttpProbe((int)response.StatusCode, time.GetElapsedTime(started));
            return response.IsSuccessStatusCode ? null : $"the probe answered {(int)response.StatusCode}";
        }
        catch (RpcException e)
        {
            metrics.RecordGrpcProbe(e.StatusCode, time.GetElapsedTime(started));
            return e.Status.Detail.Length > 0 ? e.Status.Detail : e.StatusCode.ToString();
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return limit.IsCancellationRequested ? $"no answer within {health.Timeout.TotalMilliseconds} ms" : e.InnerException?.Message ?? e.Message;
        }
    }
}
