using DaprK8s.Bench.Apps;
using DaprK8s.Bench.Load;
using DaprK8s.Protos.Common.V1;
using DaprK8s.Protos.Runtime.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Net.Client;

namespace DaprK8s.Bench.Scenarios;

/// <summary>What two sidecars add to a gRPC call, proxied and as InvokeService.</summary>
internal sealed class GrpcInvocation(Settings settings, Servers servers) : Scenario(settings, servers)
{
    public override string Name => "grpc";

    public override async Task<Section> RunAsync()
    {
        await using var pair = await InvocationPair.StartAsync(Settings.Daprd, "grpc");
        await CheckAsync(pair);
        var section = AddedLatency.NewSection("gRPC invocation", Settings);
        AddedLatency.Measure(
            section, Settings, "proxied unary", _ => Direct(pair, Settings.PayloadBytes), _ => Proxied(pair, Settings.PayloadBytes), pair.Sidecars);

        var body = Body(Settings.PayloadBytes);
        var request = new InvokeServiceRequest { Id = pair.Target, Message = body };
        AddedLatency.Measure(
            section,
            Settings,
            "InvokeService",
            _ => new GrpcConnection(pair.App.GrpcPort, "/dapr.proto.runtime.v1.AppCallback/OnInvoke", body, Settings.PayloadBytes),
            _ => new GrpcConnection(pair.Caller.GrpcPort, "/dapr.proto.runtime.v1.Dapr/InvokeService", request, Settings.PayloadBytes),
            pair.Sidecars);
        AddedLatency.Finish(section);
        return section;
    }

    /// <summary>The app without sidecars.</summary>
    public static GrpcConnection Direct(InvocationPair pair, int bytes)
        => new(pair.App.GrpcPort, "/bench.Echo/Say", Saying(bytes), bytes);

    /// <summary>The app through both sidecars, which do not know the service.</summary>
    public static GrpcConnection Proxied(InvocationPair pair, int bytes)
        => new(pair.Caller.GrpcPort, "/bench.Echo/Say", Saying(bytes), bytes, ("dapr-app-id", pair.Target));

    // The load generator does not read status trailers, so a real client looks first whether the calls succeed at all.
    private static async Task CheckAsync(InvocationPair pair)
    {
        using var channel = GrpcChannel.ForAddress($"http://127.0.0.1:{pair.Caller.GrpcPort}");
        var deadline = DateTime.UtcNow.AddSeconds(20);
        await new Echo.EchoClient(channel).SayAsync(Saying(10), new Metadata { { "dapr-app-id", pair.Target } }, deadline);
        await new Dapr.DaprClient(channel).InvokeServiceAsync(
            new InvokeServiceRequest { Id = pair.Target, Message = Body(10) }, deadline: deadline);
    }

    private static Saying Saying(int bytes) => new() { Data = ByteString.CopyFrom(new byte[bytes]) };

    private static InvokeRequest Body(int bytes) => new()
    {
        Method = "echo",
        ContentType = "application/octet-stream",
        Data = new Any { Value = ByteString.CopyFrom(new byte[bytes]) },
        HttpExtension = new HTTPExtension { Verb = HTTPExtension.Types.Verb.Post },
    };
}
