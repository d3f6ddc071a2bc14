using DaprK8s.EndToEnd.Tests.Fixture;

namespace DaprK8s.EndToEnd.Tests.Invocation;

/// <summary>How a call reaches the app: from its own sidecar, or from another one's.</summary>
public enum Leg
{
    Local,
    Remote,
}

/// <summary>
/// An HTTP app with its sidecar, and a second sidecar that calls it; shared by the tests of a class, each of which uses paths of its own.
/// </summary>
public class HttpPair : IAsyncLifetime
{
    internal const string AppToken = "token-of-the-called-app";

    public static readonly Leg[] BothLegs = [Leg.Local, Leg.Remote];

    internal HttpApp App { get; private set; } = null!;

    /// <summary>The app's sidecar.</summary>
    internal Daprd Callee { get; private set; } = null!;

    /// <summary>A sidecar without an app, but with a token for one.</summary>
    internal Daprd Caller { get; private set; } = null!;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        App = await HttpApp.StartAsync();
        var callee = Daprd.With(app: App, env: new Dictionary<string, string> { ["APP_API_TOKEN"] = AppToken }).StartAsync(Until.Ready);
        var caller = Daprd.With(env: new Dictionary<string, string> { ["APP_API_TOKEN"] = "token-of-the-calling-app" }).StartAsync();
        (Callee, Caller) = (await callee, await caller);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await Caller.DisposeAsync();
        await Callee.DisposeAsync();
        await App.DisposeAsync();
    }

    internal Daprd From(Leg leg) => leg == Leg.Local ? Callee : Caller;

    /// <summary>The path that invokes a method of the app.</summary>
    internal string Path(string method) => $"/v1.0/invoke/{Callee.AppId}/method/{method}";

    /// <summary>Sends a request whose target goes out as it is written here.</summary>
    internal async Task<HttpResponseMessage> SendAsync(
        Leg leg, string verb, string target, Action<HttpRequestMessage>? setup = null, HttpCompletionOption completion = HttpCompletionOption.ResponseContentRead)
    {
        using var request = new HttpRequestMessage(new HttpMethod(verb), AsWritten(From(leg), target));
        setup?.Invoke(request);
        return await From(leg).Http.SendAsync(request, completion);
    }

    /// <summary>An address that no client cleans up.</summary>
    internal static Uri AsWritten(Daprd daprd, string target)
        => new($"http://127.0.0.1:{daprd.HttpPort}{target}", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
}
