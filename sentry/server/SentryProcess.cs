using DaprK8s.Common.ControlPlane;
using DaprK8s.Sentry.Kubernetes;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sentry.Server;

/// <summary>The process around sentry (contract: operations 1.1, 4.3, 4.5).</summary>
internal static class SentryProcess
{
    /// <summary>Runs a command line.</summary>
    public static Task<int> RunAsync(string[] args)
    {
        var flags = new SentryFlags(Environment.GetEnvironmentVariable);
        var process = new ServiceProcess("sentry", "Dapr Sentry certificate authority");
        return process.GuardAsync(() => flags.Usage, async () =>
        {
            if (args is ["rotate", .. var rest])
            {
                return await RotateAsync(flags.ParseRotate(rest));
            }

            var options = flags.Parse(args);
            return await process.ServeAsync(options, options.IsKubernetes, ServeAsync);
        });
    }

    private static async Task ServeAsync(SentryOptions options, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        await using var platform = CreatePlatform(options, loggers);
        await new SentryRun(options, platform, loggers, TimeProvider.System).RunAsync(cancellationToken);
    }

    private static async Task<int> RotateAsync(RotateOptions options)
    {
        try
        {
            using var loggers = ServiceProcess.CreateLoggers(options.Sentry, LogLevel.Warning);
            await using var platform = CreatePlatform(options.Sentry, loggers);
            return await new RotateCommand(options, platform, Console.Out, TimeProvider.System).RunAsync(CancellationToken.None)
                ? ServiceProcess.Success : ServiceProcess.Failure;
        }
        catch (Exception e) when (e is not OptionException)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return ServiceProcess.Failure;
        }
    }

    private static ISentryPlatform CreatePlatform(SentryOptions options, ILoggerFactory loggers)
        => options.IsKubernetes
            ? new InKubernetes(options, Environment.GetEnvironmentVariable, loggers, TimeProvider.System)
            : new SelfHosted(options, Environment.GetEnvironmentVariable, TimeProvider.System);
}
