using DaprK8s.Common.Hosting;
using DaprK8s.Common.Text;
using DaprK8s.Sidecar.Security;
using DaprK8s.Sidecar.Tracing;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Runtime;

/// <summary>
/// The life of a sidecar: ports first, then components, then the app; and at the end in the opposite order (contract: operations
/// 3.5, 4.3). The API answers as soon as the ports are open; each call waits only for what it needs itself.
/// </summary>
internal sealed class SidecarLife(Sidecar sidecar)
{
    private static readonly TimeSpan ListenerGrace = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan CloseReserve = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AppPoll = TimeSpan.FromMilliseconds(100);

    private readonly ILogger logger = sidecar.Basis.Loggers.CreateLogger("dapr.runtime");
    private readonly CancellationTokenSource stopping = new();
    private readonly List<Task> background = [];

    /// <summary>Runs until the process is to end.</summary>
    /// <returns>Why it ended.</returns>
    /// <exception cref="FatalException">It could not start, failed while running, or did not stop in time.</exception>
    public async Task<ShutdownCause> RunAsync()
    {
        var started = sidecar.Basis.Time.GetTimestamp();
        await StartAsync(started);
        var (cause, detail) = await sidecar.Basis.ShutdownRequest.Requested;
        await StopAsync(cause);
        return cause == ShutdownCause.Fatal ? throw new FatalException(detail) : cause;
    }

    private async Task StartAsync(long started)
    {
        Introduce();
        sidecar.Configuration.Start();
        foreach (var target in new[] { "runtime", "grpc-api-server", "grpc-internal-server" })
        {
            sidecar.Basis.Readiness.Add(target);
        }

        if (sidecar.Basis.Security is not null)
        {
            sidecar.Basis.Readiness.Add(SidecarSecurity.ReadinessTarget);
        }
        else
        {
            logger.LogWarning("mTLS is disabled. Skipping certificate request and tls validation");
        }

        // The peers' handshakes wait for the identity as long as they may.
        var identity = StartSecurityAsync();
        await sidecar.Web.StartAsync(stopping.Token);
        sidecar.Listeners.Announce();
        sidecar.Basis.Readiness.Done("grpc-api-server");
        sidecar.Basis.Readiness.Done("grpc-internal-server");
        background.Add(Task.Run(() => sidecar.Invocation.NameResolver.StartAsync(stopping.Token)));
        background.Add(Task.Run(() => BringUpAsync(identity, started)));
    }

    private async Task StartSecurityAsync()
    {
        if (sidecar.Basis.Security is { } security)
        {
            await security.StartAsync(stopping.Token);
            sidecar.Basis.Readiness.Done(SidecarSecurity.ReadinessTarget);
        }
    }

    private async Task BringUpAsync(Task identity, long started)
    {
        try
        {
            logger.LogInformation("Loading components…");
            await sidecar.Components.Loader.StartAsync();
            logger.LogInformation("All outstanding components processed");
            await sidecar.Invocation.Endpoints.LoadAsync(sidecar.Resources.HttpEndpoints, looksAtSecrets: false, stopping.Token);
            sidecar.PubSub.LoadDeclarative(sidecar.Resources.Subscriptions);
            await identity;
            if (sidecar.Basis.ShutdownRequest.Requested.IsCompleted)
            {
                return;
            }

            sidecar.Basis.Readiness.SetOutbound(true);
            background.Add(Task.Run(() => WatchAppAsync(started)));
            background.Add(Task.Run(() => sidecar.Reloader.RunAsync(stopping.Token)));
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The process ends before it was up.
        }
        catch (Exception e)
        {
            sidecar.Basis.ShutdownRequest.Request(ShutdownCause.Fatal, e.Message);
        }
    }

    private async Task WatchAppAsync(long started)
    {
        var announce = AnnounceWhenReadyAsync(started);
        var pause = new BackOff(TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(30));
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await sidecar.PubSub.AppWatch.RunAsync(stopping.Token);
                break;
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                break;
            }
            catch (Exception e)
            {
                logger.LogError(e, "watching the app failed; trying again");
                await Task.Delay(pause.Next(), sidecar.Basis.Time, stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        await announce;
    }

    private async Task AnnounceWhenReadyAsync(long started)
    {
        while (!stopping.IsCancellationRequested)
        {
            if (sidecar.Basis.Readiness.Pending.Count == 0)
            {
                logger.LogInformation(
                    "dapr initialized. Status: Running. Init Elapsed {Elapsed}ms", (long)sidecar.Basis.Time.GetElapsedTime(started).TotalMilliseconds);
                return;
            }

            await sidecar.Basis.Readiness.Changed.WaitAsync(stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task StopAsync(ShutdownCause cause)
    {
        sidecar.Basis.Readiness.Add("runtime");
        if (cause == ShutdownCause.Signal)
        {
            await BlockAsync();
        }

        sidecar.Basis.Readiness.SetOutbound(sidecar.Basis.Readiness.IsServing && cause == ShutdownCause.Signal);
        var grace = sidecar.Basis.Options.GracefulShutdown;
        if (grace == TimeSpan.Zero)
        {
            logger.LogInformation("Graceful shutdown timeout is infinite, will wait indefinitely to shutdown");
        }

        logger.LogInformation("Dapr is shutting down");
        var stop = CloseAsync(cause);
        try
        {
            await (grace == TimeSpan.Zero ? stop : stop.WaitAsync(grace, sidecar.Basis.Time));
        }
        catch (TimeoutException e)
        {
            throw new FatalException("Graceful shutdown timeout exceeded, forcing shutdown", e);
        }
    }

    // Holds the shutdown back while the app goes on working; only its inputs are closed.
    private async Task BlockAsync()
    {
        if (sidecar.Basis.Options.BlockShutdown is not { } duration)
        {
            return;
        }

        logger.LogInformation("Blocking graceful shutdown for {Duration} or until app reports unhealthy...", GoDuration.Format(duration));
        await DrainInputsAsync();
        var started = sidecar.Basis.Time.GetTimestamp();
        while (sidecar.App.Channel.IsHealthy && sidecar.Basis.Time.GetElapsedTime(started) < duration)
        {
            await Task.Delay(AppPoll, sidecar.Basis.Time);
        }

        logger.LogInformation(sidecar.App.Channel.IsHealthy ? "Block shutdown period expired, entering shutdown..." : "App reported unhealthy, entering shutdown...");
    }

    private async Task CloseAsync(ShutdownCause cause)
    {
        var started = sidecar.Basis.Time.GetTimestamp();
        await DrainInputsAsync();
        if (cause == ShutdownCause.Signal)
        {
            await KeepOutboundForAppAsync(started);
        }

        sidecar.Basis.Readiness.SetOutbound(false);
        await sidecar.ConfigurationStores.Block.DisposeAsync();
        logger.LogInformation("Closing HTTP server");
        using (var limit = new CancellationTokenSource(ListenerGrace, sidecar.Basis.Time))
        {
            await sidecar.Web.StopAsync(limit.Token);
        }

        await stopping.CancelAsync();
        await Task.WhenAll(background.ToArray()).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.WhenAll(sidecar.Components.Loader.DisposeAsync().AsTask(), sidecar.Invocation.NameResolver.DisposeAsync().AsTask());
        sidecar.Listeners.CleanUp();
        sidecar.Invocation.Peers.Dispose();
        await (sidecar.Basis.Security?.DisposeAsync() ?? ValueTask.CompletedTask);
        sidecar.Invocation.Externals.Dispose();
        sidecar.App.Channel.Connections?.Dispose();
        await sidecar.Web.DisposeAsync();
        sidecar.Configuration.Dispose();
        logger.LogInformation("Dapr runtime stopped");
    }

    private Task DrainInputsAsync() => Task.WhenAll(sidecar.PubSub.Host.DrainAsync(CancellationToken.None), sidecar.Bindings.Host.DrainAsync());

    // An app that got the same signal may still save state or publish while it ends: the API stays until its port is closed.
    private async Task KeepOutboundForAppAsync(long started)
    {
        if (!sidecar.Basis.Options.App.HasApp || !sidecar.Basis.Readiness.IsServing)
        {
            return;
        }

        var grace = sidecar.Basis.Options.GracefulShutdown;
        var limit = (grace == TimeSpan.Zero ? TimeSpan.FromSeconds(5) : grace) - CloseReserve;
        while (sidecar.Basis.Time.GetElapsedTime(started) < limit && await sidecar.PubSub.AppWatch.IsListeningAsync(CancellationToken.None))
        {
            await Task.Delay(AppPoll, sidecar.Basis.Time);
        }
    }

    private void Introduce()
    {
        var options = sidecar.Basis.Options;
        logger.LogInformation("{Mode} mode configured", options.Mode);
        logger.LogInformation("app id: {AppId}", options.AppId);
        if (options.App.MaxConcurrency > 0)
        {
            logger.LogInformation("app max concurrency set to {Limit}", options.App.MaxConcurrency);
        }

        if (sidecar.Basis.Configuration.Value.Features.Count > 0)
        {
            logger.LogInformation("Enabled features: {Features}", string.Join(' ', sidecar.Basis.Configuration.Value.Features));
        }

        foreach (var resource in sidecar.Resources.Others)
        {
            logger.LogWarning(
                "{Kind} {Name} ({Source}) was read, but has no effect in this version", resource.Kind, resource.Name, resource.Source);
        }

        if (sidecar.Basis.Configuration.Value.Tracing.Mode != TracingMode.Off)
        {
            logger.LogInformation("Dapr trace sampler initialized: {Sampler}", sidecar.Basis.Configuration.Value.Tracing.SamplerDescription);
        }
    }
}
