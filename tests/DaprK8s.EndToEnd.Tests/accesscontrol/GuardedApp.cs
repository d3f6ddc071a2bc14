using DaprK8s.EndToEnd.Tests.Fixture;

namespace DaprK8s.EndToEnd.Tests.AccessControl;

/// <summary>
/// An app whose sidecar has an access list, and a second sidecar that calls it. The one place where access-control tests say how
/// their sidecars are started: under mTLS the called one knows who calls, in clear text it does not.
/// </summary>
internal sealed class GuardedApp : IAsyncDisposable
{
    /// <summary>Whether the called sidecar knows who calls. Without that, the global default decides everything.</summary>
    public static bool CallerIsKnown => false;

    private GuardedApp(ITestApp app) => App = app;

    public ITestApp App { get; }

    public Daprd Callee { get; private set; } = null!;

    public Daprd Caller { get; private set; } = null!;

    /// <summary>Starts all three.</summary>
    /// <param name="app">The app.</param>
    /// <param name="access">The YAML of <c>accessControl</c> at the left margin, <c>CALLER</c> standing for the caller's id; nothing for none.</param>
    public static async Task<GuardedApp> StartAsync(ITestApp app, string? access)
    {
        var callerId = $"caller-{Guid.NewGuid():N}"[..16];
        var guarded = new GuardedApp(app);
        var config = access is null
            ? null
            : Resource.Configuration("accessControl:\n  " + access.Replace("CALLER", callerId, StringComparison.Ordinal).Replace("\n", "\n  ", StringComparison.Ordinal));
        var callee = Daprd.With(app: app, config: config).StartAsync(Until.Ready);
        var caller = Daprd.With(callerId).StartAsync();
        (guarded.Callee, guarded.Caller) = (await callee, await caller);
        return guarded;
    }

    public async ValueTask DisposeAsync()
    {
        await Caller.DisposeAsync();
        await Callee.DisposeAsync();
    }
}
