using System.Reflection;
using System.Runtime.InteropServices;
using DaprK8s.Common.Hosting;
using DaprK8s.Sentry.Kubernetes;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sentry.Server;

/// <summary>The process around sentry: command line, log, signals, exit code (contract: operations 1.1, 4.3, 4.5).</summary>
internal static class SentryProcess
{
    private const int Success = 0;
    private const int Failure = 1;
    private const int BadFlags = 2;

    private static readonly string Version =
        typeof(SentryProcess).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    /// <summary>Runs a command line.</summary>
    public static async Task<int> RunAsync(string[] args)
    {
        var isRotate = args is ["rotate", ..];
        var flags = new SentryFlags(Environment.GetEnvironmentVariable);
        try
        {
            if (isRotate)
            {
                return await RotateAsync(flags.ParseRotate(args[1..]));
            }

            return await ServeAsync(flags.Parse(args));
        }
        catch (FlagException e)
        {
            await Console.Error.WriteLineAsync($"{e.Message}\n{flags.Usage}{e.Message}");
            return BadFlags;
        }
        catch (OptionException e)
        {
            using var loggers = CreateLoggers(new SentryOptions(), LogLevel.Information);
            loggers.CreateLogger("dapr.sentry").LogCritical("{Message}", e.Message);
            return Failure;
        }
    }

    private static async Task<int> ServeAsync(SentryOptions options)
    {
        if (!LogSettings.TryParseLevel(options.LogLevel, out var level))
        {
            throw new OptionException($"invalid value for --log-level: {options.LogLevel}");
        }

        using var loggers = CreateLoggers(options, level);
        var logger = loggers.CreateLogger("dapr.sentry");
        var parts = Version.Split('+');
        logger.LogInformation(
            "Starting Dapr Sentry certificate authority -- version {Version} -- commit {Commit}", parts[0], parts.Length > 1 ? parts[1] : "unknown");
        logger.LogInformation("Log level set to: {Level}", options.LogLevel.ToLowerInvariant());
        using var stop = new StopSignals(loggers.CreateLogger("dapr.signals"));
        try
        {
            CheckUser(options);
            await using var platform = CreatePlatform(options, loggers);
            await new SentryRun(options, platform, loggers, TimeProvider.System).RunAsync(stop.Token);
        }
        catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
        {
            // Stopped while it was starting, or as it should.
        }
        catch (Exception e)
        {
            logger.LogCritical("Fatal error from sentry: {Error}", e.Message);
            logger.LogDebug(e, "where it came from");
            return Failure;
        }

        logger.LogInformation("Sentry shut down gracefully");
        return Success;
    }

    private static async Task<int> RotateAsync(RotateOptions options)
    {
        try
        {
            using var loggers = CreateLoggers(options.Sentry, LogLevel.Warning);
            await using var platform = CreatePlatform(options.Sentry, loggers);
            return await new RotateCommand(options, platform, Console.Out, TimeProvider.System).RunAsync(CancellationToken.None) ? Success : Failure;
        }
        catch (Exception e) when (e is not OptionException)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return Failure;
        }
    }

    private static ISentryPlatform CreatePlatform(SentryOptions options, ILoggerFactory loggers)
        => options.IsKubernetes
            ? new InKubernetes(options, Environment.GetEnvironmentVariable, loggers, TimeProvider.System)
            : new SelfHosted(options, Environment.GetEnvironmentVariable, TimeProvider.System);

    private static void CheckUser(SentryOptions options)
    {
        if (options.IsKubernetes && RootUser.Refusal() is { } refusal)
        {
            throw new OptionException(refusal);
        }
    }

    private static LoggerFactory CreateLoggers(SentryOptions options, LogLevel level)
        => new(
            [new DaprLoggerProvider(
                new LogSettings("", level, options.LogAsJson, Version.Split('+')[0]), DaprLoggerProvider.OpenOutput(options.LogFile), TimeProvider.System)],
            new LoggerFilterOptions { MinLevel = LogLevel.Trace });

    /// <summary>SIGTERM and SIGINT as a token; the second one ends the process at once.</summary>
    private sealed class StopSignals : IDisposable
    {
        private readonly CancellationTokenSource source = new();
        private readonly PosixSignalRegistration[] registrations;
        private readonly ILogger logger;
        private int seen;

        public StopSignals(ILogger logger)
        {
            this.logger = logger;
            registrations =
            [
                PosixSignalRegistration.Create(PosixSignal.SIGTERM, c => Stop(c, "terminated")),
                PosixSignalRegistration.Create(PosixSignal.SIGINT, c => Stop(c, "interrupt")),
            ];
        }

        public CancellationToken Token => source.Token;

        public void Dispose()
        {
            Array.ForEach(registrations, r => r.Dispose());
            source.Dispose();
        }

        private void Stop(PosixSignalContext context, string name)
        {
            context.Cancel = true;
            if (Interlocked.Increment(ref seen) > 1)
            {
                logger.LogWarning("Received signal '{Signal}' during shutdown; exiting immediately", name);
                Environment.Exit(Failure);
            }

            logger.LogInformation("Received signal '{Signal}'; beginning shutdown", name);
            source.Cancel();
        }
    }
}
