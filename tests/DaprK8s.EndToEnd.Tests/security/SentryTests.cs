using System.Net;
using DaprK8s.EndToEnd.Tests.Fixture;

namespace DaprK8s.EndToEnd.Tests.Security;

/// <summary>Sidecars and the real sentry: their days together, good and bad.</summary>
public sealed class SentryTests
{
    private static readonly string ShortLived = Resource.Configuration("mtls:\n  enabled: true\n  workloadCertTTL: 4s\n  allowedClockSkew: 1s");

    [Fact]
    public async Task Sentry_is_killed_and_restarted_while_sidecars_renew_and_call_each_other()
    {
        await using var sentry = await StartShortLivedAsync();
        await using var app = await HttpApp.StartAsync(a => a.On("POST /hello", Reply.Ok));
        await using var callee = await sentry.Secure(Daprd.With(app: app)).StartAsync(Until.Ready);
        await using var caller = await sentry.Secure(Daprd.With()).StartAsync(Until.Ready);
        using var done = new CancellationTokenSource();
        var load = LoadAsync(caller, callee.AppId, done.Token);

        await Renewals.AtLeastAsync(1, caller, callee);
        await sentry.KillAsync();
        await caller.Log.WaitForAsync("Failed to renew the workload certificate");
        await sentry.StartAgainAsync();
        await Renewals.MoreAsync(1, caller, callee);
        await done.CancelAsync();

        Assert.True(await load > 50);
    }

    [Fact]
    public async Task A_root_is_rotated_by_hand_while_calls_flow_and_new_connections_are_made()
    {
        await using var sentry = await StartShortLivedAsync();
        await using var app = await HttpApp.StartAsync(a => a.On("POST /hello", Reply.Ok));
        await using var callee = await sentry.Secure(Daprd.With(app: app)).StartAsync(Until.Ready);
        await using var caller = await sentry.Secure(Daprd.With()).StartAsync(Until.Ready);
        using var done = new CancellationTokenSource();
        var load = LoadAsync(caller, callee.AppId, done.Token);
        var old = Assert.Single(sentry.Anchors()).Thumbprint;

        var (code, output) = await sentry.CommandAsync("rotate", "--propagation", "10s");

        Assert.True(code == 0, output);
        Assert.Equal(2, sentry.Anchors().Count);
        await Eventually.TrueAsync(
            () => sentry.Anchors() is [var only] && only.Thumbprint != old, "the old root is retired", TimeSpan.FromMinutes(2));

        // Certificates of both are of the new root alone now.
        await Renewals.MoreAsync(2, caller, callee);
        await using var late = await sentry.Secure(Daprd.With()).StartAsync(Until.Ready);
        using var answer = await late.Http.PostAsync($"/v1.0/invoke/{callee.AppId}/method/hello", new StringContent("x"));
        await done.CancelAsync();
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.True(await load > 100);
    }

    private static async Task<Sentry> StartShortLivedAsync()
    {
        var config = Path.Combine(Directory.CreateTempSubdirectory("daprk8s-sentry-config-").FullName, "config.yaml");
        await File.WriteAllTextAsync(config, ShortLived);
        return await Sentry.StartAsync("--config", config);
    }

    // Calls until told to end; each must succeed.
    private static async Task<int> LoadAsync(Daprd caller, string target, CancellationToken end)
    {
        var calls = 0;
        for (; !end.IsCancellationRequested; calls++)
        {
            using var answer = await caller.Http.PostAsync($"/v1.0/invoke/{target}/method/hello", new StringContent("x"), CancellationToken.None);
            Assert.True(answer.StatusCode == HttpStatusCode.OK, $"call {calls}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync(CancellationToken.None)}");
        }

        return calls;
    }
}
