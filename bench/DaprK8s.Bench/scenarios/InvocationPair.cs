using DaprK8s.Bench.Processes;

namespace DaprK8s.Bench.Scenarios;

/// <summary>The road of an invocation: a caller's sidecar without an app, the echo app's sidecar, the echo app.</summary>
internal sealed class InvocationPair : IAsyncDisposable
{
    private InvocationPair(EchoProcess app, DaprdUnderTest callee, DaprdUnderTest caller, string target)
        => (App, Callee, Caller, Target) = (app, callee, caller, target);

    public EchoProcess App { get; }

    public DaprdUnderTest Callee { get; }

    public DaprdUnderTest Caller { get; }

    /// <summary>App id of the echo app.</summary>
    public string Target { get; }

    /// <summary>Caller's sidecar first, callee's second.</summary>
    public IReadOnlyList<int> Sidecars => [Caller.Id, Callee.Id];

    /// <summary>Starts all three.</summary>
    /// <param name="daprd">The sidecar's executable.</param>
    /// <param name="protocol">Which of its two ports the echo app shows its sidecar: <c>http</c> or <c>grpc</c>.</param>
    /// <param name="resources">Components of both sidecars, if any.</param>
    /// <param name="sentry">Gives both their identities; with it, mTLS is on.</param>
    public static async Task<InvocationPair> StartAsync(string daprd, string protocol, string? resources = null, SentryUnderTest? sentry = null)
    {
        // Unlike any other on the network: sidecars are found by their app ids.
        var id = Guid.NewGuid().ToString("N")[..8];
        var app = await EchoProcess.StartAsync();
        DaprdUnderTest? callee = null;
        try
        {
            var port = protocol == "grpc" ? app.GrpcPort : app.HttpPort;
            callee = await DaprdUnderTest.StartAsync(daprd, new SidecarPlan($"echo-{id}", port, protocol, resources, sentry));
            var caller = await DaprdUnderTest.StartAsync(daprd, new SidecarPlan($"caller-{id}", Resources: resources, Sentry: sentry));
            return new InvocationPair(app, callee, caller, $"echo-{id}");
        }
        catch
        {
            if (callee is not null)
            {
                await callee.DisposeAsync();
            }

            await app.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Caller.DisposeAsync();
        await Callee.DisposeAsync();
        await App.DisposeAsync();
    }
}
