using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using DaprK8s.EndToEnd.Tests.Echo;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.Protos.Common.V1;
using DaprK8s.Protos.Runtime.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace DaprK8s.EndToEnd.Tests.AccessControl;

/// <summary>A gRPC app behind a list: <c>InvokeService</c> (contract: security 3.8) and proxied calls.</summary>
public sealed class GrpcAppTests : IAsyncLifetime
{
    private GrpcApp app = null!;
    private GuardedApp guarded = null!;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        app = await GrpcApp.StartAsync(a => a.OnInvoke = (request, _) => Task.FromResult(new InvokeResponse
        {
            Data = new Any { Value = ByteString.CopyFromUtf8(request.Method) },
        }));
        guarded = await GuardedApp.StartAsync(app, """
            defaultAction: deny
            trustDomain: public
            policies:
            - appId: CALLER
              defaultAction: deny
              trustDomain: public
              namespace: default
              operations:
              - name: /public
                httpVerb: ['*']
                action: allow
            """);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await guarded.DisposeAsync();
        await app.DisposeAsync();
    }

    [Fact]
    public async Task A_method_is_judged_as_the_app_gets_it()
    {
        foreach (var (method, seen) in new[]
        {
            ("public", "public"), ("/public", "/public"), ("admin/../public", "public"), ("/admin%09/../public", "/public"), ("admin%2Fsecret/../public", "public"),
        })
        {
            if (GuardedApp.CallerIsKnown)
            {
                Assert.Equal(seen, (await InvokeAsync(method)).Data.Value.ToStringUtf8());
            }
            else
            {
                Assert.EndsWith($" operation: {seen} verb: NONE", await DenialAsync(method), StringComparison.Ordinal);
            }
        }

        foreach (var method in new[]
        {
            "admin", "/unauthorized", "public/../unauthorized", "/public%23/../unauthorized", "public%/../admin", "admin%2F..%2Fpublic", "admin\\..\\public",
            "/public;../../admin", "public\uff0f..",
        })
        {
            Assert.Contains("access control policy has denied access to id: ", await DenialAsync(method));
        }

        foreach (var method in new[] { "public#", "public?", "public\0", "public\t", "public\n", "public\r" })
        {
            Assert.Contains("invalid method: ", await DenialAsync(method));
        }

        Assert.DoesNotContain(app.Got<InvokeRequest>(), r => r.Method.TrimStart('/') != "public");
        Assert.Equal(GuardedApp.CallerIsKnown, app.Got<InvokeRequest>().Count > 0);
    }

    [Fact]
    public async Task Proxied_calls_of_a_peer_and_of_the_own_app_are_judged()
    {
        foreach (var daprd in new[] { guarded.Caller, guarded.Callee })
        {
            var e = await Assert.ThrowsAsync<RpcException>(
                async () => await new Echo.Echo.EchoClient(daprd.Channel).UnaryAsync(new EchoRequest(), new Metadata { { "dapr-app-id", guarded.Callee.AppId } }));

            Assert.Equal(StatusCode.PermissionDenied, e.StatusCode);
            Assert.Matches("^access control policy has denied access to id: .* operation: /.*Echo/Unary verb: NONE$", e.Status.Detail);
        }

        Assert.Empty(app.Got<EchoRequest>());
    }

    [Fact]
    public async Task A_path_without_a_leading_slash_is_refused_before_anything_is_judged()
    {
        await using var open = await GuardedApp.StartAsync(app, null);
        foreach (var port in new[] { open.Callee.GrpcPort, open.Callee.InternalPort })
        {
            // The well-formed path shows that the frames are well formed too.
            Assert.StartsWith("headers", await CallAsync(port, "/some.Service/Method", open.Callee.AppId), StringComparison.Ordinal);
            Assert.Equal("reset 1", await CallAsync(port, "some.Service/Method", open.Callee.AppId));
        }
    }

    [Fact]
    public async Task Where_the_default_allows_a_list_with_policies_lets_others_through()
    {
        await using var allowing = await GuardedApp.StartAsync(app, """
            policies:
            - {appId: somebody, defaultAction: deny, trustDomain: public, namespace: default}
            """);

        var reply = await allowing.Caller.Grpc.InvokeServiceAsync(
            new InvokeServiceRequest { Id = allowing.Callee.AppId, Message = new InvokeRequest { Method = "x" } });

        Assert.Equal("x", reply.Data.Value.ToStringUtf8());
        Assert.Contains("dapr_runtime_acl_global_policy_action_allowed_total{", await allowing.Callee.MetricsAsync());
    }

    [Fact]
    public async Task A_policy_that_does_not_say_whom_it_is_about_ends_the_start()
    {
        var (code, log) = await Daprd.With(config: Resource.Configuration("accessControl:\n  policies:\n  - appId: a")).RunAsync();

        Assert.Equal(1, code);
        Assert.True(log.Contains("invalid access control spec. missing trustdomain for apps: [a], missing namespace for apps: [a], missing app name on at least one of the app policies: false"));
    }

    private async Task<InvokeResponse> InvokeAsync(string method)
        => await guarded.Caller.Grpc.InvokeServiceAsync(new InvokeServiceRequest { Id = guarded.Callee.AppId, Message = new InvokeRequest { Method = method } });

    private async Task<string> DenialAsync(string method)
    {
        var e = await Assert.ThrowsAsync<RpcException>(() => InvokeAsync(method));
        Assert.Equal(StatusCode.Internal, e.StatusCode);
        Assert.StartsWith($"failed to invoke, id: {guarded.Callee.AppId}, err: ", e.Status.Detail, StringComparison.Ordinal);
        return e.Status.Detail;
    }

    // HTTP/2 frame by frame: no client sends such a path.
    private static async Task<string> CallAsync(int port, string path, string appId)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", port);
        var stream = client.GetStream();
        using var block = new MemoryStream();
        foreach (var (name, value) in new[]
        {
            (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "x"), ("content-type", "application/grpc"), ("te", "trailers"), ("dapr-app-id", appId),
        })
        {
            block.WriteByte(0);
            block.WriteByte((byte)name.Length);
            block.Write(Encoding.ASCII.GetBytes(name));
            block.WriteByte((byte)value.Length);
            block.Write(Encoding.ASCII.GetBytes(value));
        }

        await stream.WriteAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray());
        await stream.WriteAsync(Frame(4, 0, 0, []));
        await stream.WriteAsync(Frame(1, 0x5, 1, block.ToArray()));
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (true)
        {
            var head = new byte[9];
            await stream.ReadExactlyAsync(head, deadline.Token);
            var payload = new byte[BinaryPrimitives.ReadInt32BigEndian(head) >> 8];
            await stream.ReadExactlyAsync(payload, deadline.Token);
            switch (head[3])
            {
                case 1:
                    return $"headers {Encoding.ASCII.GetString(payload)}";
                case 3:
                    return $"reset {BinaryPrimitives.ReadInt32BigEndian(payload)}";
            }
        }
    }

    private static byte[] Frame(byte type, byte flags, int streamId, byte[] payload)
    {
        var frame = new byte[9 + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, (payload.Length << 8) | type);
        frame[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), streamId);
        payload.CopyTo(frame, 9);
        return frame;
    }
}
