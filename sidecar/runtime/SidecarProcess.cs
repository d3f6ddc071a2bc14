using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using DaprK8s.Common.Hosting;
using DaprK8s.Common.Resources;
using DaprK8s.Sidecar.Flags;
using DaprK8s.Sidecar.Hosting;
using DaprK8s.Sidecar.Kubernetes;
using DaprK8s.Sidecar.Reload;
using DaprK8s.Sidecar.Security;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Runtime;

/// <summary>The process around a sidecar: command line, log, signals, exit code (contract: operations 1.1, 4.3, 4.5).</summary>
internal static class SidecarProcess
{
    private const int Success = 0;
    private const int Failure = 1;
    private const int BadFlags = 2;

    public static async Task<int> RunAsync(string[] args)
    {
        var flags = new SidecarFlags(Environment.GetEnvironmentVariable);
        SidecarOptions options;
        try
        {
            options = flags.Parse(args);
        }
        catch (FlagException e)
        {
            await Console.Error.WriteLineAsync($"{e.Message}\n{flags.Usage}{e.Message}");
            return BadFlags;
        }
        catch (OptionException e)
        {
            return FailBeforeLog($"Failed to parse flags: {e.Message}");
        }

        if (options.ShowVersion)
        {
            Console.WriteLine(SidecarInfo.Version);
            return Success;
        }

        if (options.ShowBuildInfo)
        {
            Console.WriteLine($"Version: {SidecarInfo.Version}\nGit Commit: {Commit()}\nGit Version: {SidecarInfo.Version}");
            return Success;
        }

        if (options.Wait)
        {
            await OutboundWait.RunAsync(options.Listen.HttpPort, TimeProvider.System);
            return Success;
        }

        if (!LogSettings.TryParseLevel(options.LogLevel, out var level))
        {
            return FailBeforeLog($"invalid value for --log-level: {options.LogLevel}");
        }

        using var provider = new DaprLoggerProvider(
            new LogSettings(options.AppId, level, options.LogAsJson, SidecarInfo.Version), DaprLoggerProvider.OpenOutput(options.LogFile), TimeProvider.System);
        using var loggers = new LoggerFactory([provider], new LoggerFilterOptions { MinLevel = LogLevel.Trace });
        return await RunAsync(options, loggers);
    }

    private static async Task<int> RunAsync(SidecarOptions options, LoggerFactory loggers)
    {
        var logger = loggers.CreateLogger("dapr.runtime");
        logger.LogInformation("Starting Dapr Runtime -- version {Version} -- commit {Commit}", SidecarInfo.Version, Commit());
        logger.LogInformation("Log level set to: {Level}", options.LogLevel.ToLowerInvariant());
        foreach (var notice in options.Notices)
        {
            logger.LogWarning("{Notice}", notice);
        }

        foreach (var flag in options.WithoutEffect)
        {
            logger.LogWarning("flag --{Flag} is accepted but has no effect in this version", flag);
        }

        try
        {
            if (options.Kubernetes is not null && RootUser.Refusal() is { } refusal)
            {
                throw new FatalException(refusal);
            }

            while (await RunOnceAsync(options, loggers, logger) == ShutdownCause.Restart)
            {
                logger.LogInformation("Received signal 'hangup'; restarting");
            }

            logger.LogInformation("Daprd shutdown gracefully");
            return Success;
        }
        catch (Exception e)
        {
            if (e is FatalException or ResourceException)
            {
                logger.LogCritical("Fatal error from runtime: {Error}", e.Message);
            }
            else
            {
                logger.LogCritical(e, "Fatal error from runtime");
            }

            return Failure;
        }
    }

    private static async Task<ShutdownCause> RunOnceAsync(SidecarOptions options, ILoggerFactory loggers, ILogger logger)
    {
        // A signal may come at any time, also before there is anything to stop.
        var shutdown = new ShutdownRequest();
        using var signals = new Signals(shutdown, loggers.CreateLogger("dapr.signals"));
        var listeners = new Listeners(options.Listen, options.AppId, logger);
        await listeners.BindAsync(TimeProvider.System, CancellationToken.None);
        ExportEnvironment(options, listeners.InternalPort);
        var security = options.Security is { } settings
            ? new SidecarSecurity(settings, new SidecarInfo(options.AppId, options.Namespace), loggers, TimeProvider.System) : null;
        using var starting = new CancellationTokenSource();
        _ = shutdown.Requested.ContinueWith(_ => starting.Cancel(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        try
        {
            await using var controlPlane = options.Kubernetes is null
                ? null : await ControlPlane.ConnectAsync(options, security!, loggers, TimeProvider.System, starting.Token);
            IResourceSource source = controlPlane is null
                ? new FileResourceSource(options, loggers.CreateLogger("dapr.runtime.loader"), TimeProvider.System) : controlPlane.Source;
            var loaded = await source.LoadAsync(starting.Token);
            var sidecar = new Sidecar(options, security, source, loaded, listeners, shutdown, loggers, TimeProvider.System);
            controlPlane?.Report(sidecar.Basis);
            return await new SidecarLife(sidecar).RunAsync();
        }
        catch (OperationCanceledException) when (shutdown.Requested.IsCompleted)
        {
            // The process is to end before it was up.
            listeners.Abandon();
            await (security?.DisposeAsync() ?? ValueTask.CompletedTask);
            return (await shutdown.Requested).Cause;
        }
    }

    // Name resolvers and configuration templates look at these (contract: operations 1.4).
    private static void ExportEnvironment(SidecarOptions options, int internalPort)
    {
        Set("APP_ID", options.AppId);
        Set("APP_PORT", Number(options.App.Port));
        Set("HOST_ADDRESS", HostAddress.Determine(Environment.GetEnvironmentVariable("DAPR_HOST_IP")).ToString());
        Set("DAPR_PORT", Number(internalPort));
        Set("DAPR_GRPC_PORT", Number(options.Listen.GrpcPort));
        Set("DAPR_HTTP_PORT", Number(options.Listen.HttpPort));
        Set("DAPR_METRICS_PORT", Number(options.Listen.MetricsPort));

        static void Set(string name, string value) => Environment.SetEnvironmentVariable(name, value);
        static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
    }

    private static int FailBeforeLog(string message)
    {
        using var provider = new DaprLoggerProvider(
            new LogSettings("", LogLevel.Information, Json: false, SidecarInfo.Version), Console.OpenStandardOutput(), TimeProvider.System);
        provider.CreateLogger("dapr.runtime").LogCritical("{Message}", message);
        return Failure;
    }

    private static string Commit()
        => typeof(SidecarProcess).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+') is [_, var commit]
            ? commit : "unknown";

    /// <summary>Turns signals into requests; the second one ends the process at once.</summary>
    private sealed class Signals : IDisposable
    {
        private readonly List<PosixSignalRegistration> registrations;
        private readonly ShutdownRequest request;
        private readonly ILogger logger;
        private int seen;

        public Signals(ShutdownRequest request, ILogger logger)
        {
            this.request = request;
            this.logger = logger;
            registrations =
            [
                PosixSignalRegistration.Create(PosixSignal.SIGTERM, c => Stop(c, "terminated")),
                PosixSignalRegistration.Create(PosixSignal.SIGINT, c => Stop(c, "interrupt")),
                PosixSignalRegistration.Create(PosixSignal.SIGHUP, c =>
                {
                    c.Cancel = true;
                    request.Request(ShutdownCause.Restart);
                }),
            ];
        }

        public void Dispose() => registrations.ForEach(r => r.Dispose());

        private void Stop(PosixSignalContext context, string name)
        {
            context.Cancel = true;
            if (Interlocked.Increment(ref seen) > 1)
            {
                logger.LogWarning("Received signal '{Signal}' during shutdown; exiting immediately", name);
                Environment.Exit(Failure);
            }

            logger.LogInformation("Received signal '{Signal}'; beginning shutdown", name);
            request.Request(ShutdownCause.Signal);
        }
    }
}
