using System.Reflection;
using DaprK8s.Common.Hosting;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Common.ControlPlane;

/// <summary>The process around a control-plane service: command line, log, signals, exit code (contract: operations 1.1, 4.3, 4.5).</summary>
/// <param name="name">The service as it calls itself in log lines, such as <c>operator</c>; its log scope is <c>dapr.</c> and this.</param>
/// <param name="title">What it is, for its first log line, such as <c>Dapr Operator</c>.</param>
public sealed class ServiceProcess(string name, string title)
{
    /// <summary>Exit code when it was stopped.</summary>
    public const int Success = 0;

    /// <summary>Exit code when it can't go on.</summary>
    public const int Failure = 1;

    /// <summary>Exit code when the command line can't be read.</summary>
    public const int BadFlags = 2;

    private static readonly string Version =
        Assembly.GetEntryAssembly()?.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    /// <summary>Reads a command line and acts on it; what is wrong with it is told, with the exit code that goes with it.</summary>
    /// <param name="usage">The usage text.</param>
    /// <param name="body">Reads and acts.</param>
    /// <returns>The exit code.</returns>
    public async Task<int> GuardAsync(Func<string> usage, Func<Task<int>> body)
    {
        try
        {
            return await body();
        }
        catch (FlagException e)
        {
            await Console.Error.WriteLineAsync($"{e.Message}\n{usage()}{e.Message}");
            return BadFlags;
        }
        catch (OptionException e)
        {
            using var loggers = CreateLoggers(new ServiceOptions(), LogLevel.Information);
            loggers.CreateLogger($"dapr.{name}").LogCritical("{Message}", e.Message);
            return Failure;
        }
    }

    /// <summary>Runs the service until it is stopped or can't go on.</summary>
    /// <param name="options">Its options.</param>
    /// <param name="isKubernetes">Whether it runs in Kubernetes, where it may not be root.</param>
    /// <param name="run">The service.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="OptionException">The log level is none.</exception>
    public async Task<int> ServeAsync<TOptions>(TOptions options, bool isKubernetes, Func<TOptions, ILoggerFactory, CancellationToken, Task> run)
        where TOptions : ServiceOptions
    {
        if (!LogSettings.TryParseLevel(options.LogLevel, out var level))
        {
            throw new OptionException($"invalid value for --log-level: {options.LogLevel}");
        }

        using var loggers = CreateLoggers(options, level);
        var logger = loggers.CreateLogger($"dapr.{name}");
        var parts = Version.Split('+');
        logger.LogInformation("Starting {Title} -- version {Version} -- commit {Commit}", title, parts[0], parts.Length > 1 ? parts[1] : "unknown");
        logger.LogInformation("Log level set to: {Level}", options.LogLevel.ToLowerInvariant());
        using var stop = new StopSignals(loggers.CreateLogger("dapr.signals"));
        try
        {
            if (isKubernetes && RootUser.Refusal() is { } refusal)
            {
                throw new OptionException(refusal);
            }

            await run(options, loggers, stop.Token);
        }
        catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
        {
            // Stopped while it was starting, or as it should.
        }
        catch (Exception e)
        {
            logger.LogCritical("Fatal error from {Name}: {Error}", name, e.Message);
            logger.LogDebug(e, "where it came from");
            return Failure;
        }

        logger.LogInformation("{Name} shut down gracefully", char.ToUpperInvariant(name[0]) + name[1..]);
        return Success;
    }

    /// <summary>The log of a process with these options.</summary>
    public static LoggerFactory CreateLoggers(ServiceOptions options, LogLevel level)
        => new(
            [new DaprLoggerProvider(
                new LogSettings("", level, options.LogAsJson, Version.Split('+')[0]), DaprLoggerProvider.OpenOutput(options.LogFile), TimeProvider.System)],
            new LoggerFilterOptions { MinLevel = LogLevel.Trace });
}
