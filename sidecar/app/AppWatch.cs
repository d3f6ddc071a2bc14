using System.Net.Sockets;
using DaprK8s.Sidecar.Flags;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.App;

/// <summary>
/// Watches the app from the sidecar's start to its end: waits for its port, follows its health, and tells when it comes and goes
/// (contract: api 3.2). The app may start before the sidecar or after it, stop, and come back.
/// </summary>
internal sealed class AppWatch(AppChannel app, AppHealthProbe? probe, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan DialTimeout = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan DialPause = TimeSpan.FromMilliseconds(100);
    private const int DialsBetweenLines = 100;

    /// <summary>Called each time the app becomes able to take work.</summary>
    public required Func<CancellationToken, Task> OnHealthy { get; init; }

    /// <summary>Called each time it stops being so.</summary>
    public required Func<CancellationToken, Task> OnUnhealthy { get; init; }

    /// <summary>Called once, when the port is open and, without health checks, the app has been asked for its subscriptions.</summary>
    public required Action OnDiscovered { get; init; }

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (!app.Options.HasApp)
        {
            await OnHealthy(cancellationToken);
            OnDiscovered();
            return;
        }

        await WaitForPortAsync(cancellationToken);
        if (probe is null || app.Options.Health is not { } health)
        {
            await OnHealthy(cancellationToken);
            OnDiscovered();
            return;
        }

        app.IsHealthy = false;
        OnDiscovered();
        await FollowAsync(probe, health, cancellationToken);
    }

    /// <summary>Whether something accepts connections on the app's port.</summary>
    public async Task<bool> IsListeningAsync(CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(DialTimeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(app.Options.ChannelAddress, app.Options.Port, both.Token);
            return true;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return false;
        }
    }

    private async Task WaitForPortAsync(CancellationToken cancellationToken)
    {
        logger.LogInformation(
            "application protocol: {Protocol}. waiting on port {Port}.  This will block until the app is listening on that port.",
            app.Options.Protocol.ToString().ToLowerInvariant(), app.Options.Port);
        for (var dial = 1; !await IsListeningAsync(cancellationToken); dial++)
        {
            if (dial % DialsBetweenLines == 0)
            {
                logger.LogInformation("waiting for application to listen on port {Port}", app.Options.Port);
            }

            await Task.Delay(DialPause, time, cancellationToken);
        }

        logger.LogInformation("application discovered on port {Port}", app.Options.Port);
    }

    private async Task FollowAsync(AppHealthProbe healthProbe, AppHealthOptions health, CancellationToken cancellationToken)
    {
        var failures = 0;
        using var timer = new PeriodicTimer(health.Interval, time);
        do
        {
            var problem = await healthProbe.RunAsync(cancellationToken);
            if (problem is null)
            {
                failures = 0;
                if (!app.IsHealthy)
                {
                    app.IsHealthy = true;
                    logger.LogInformation("App entered healthy status");
                    await OnHealthy(cancellationToken);
                }
            }
            else if (++failures >= health.Threshold && app.IsHealthy)
            {
                app.IsHealthy = false;
                logger.LogWarning("App entered un-healthy status: {Problem}", problem);
                await OnUnhealthy(cancellationToken);
            }
        }
        while (await timer.WaitForNextTickAsync(cancellationToken));
    }
}
