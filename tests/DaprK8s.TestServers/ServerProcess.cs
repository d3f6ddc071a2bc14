using System.Diagnostics;

namespace DaprK8s.TestServers;

/// <summary>
/// A real server for tests: on a free loopback port, with its data in a temporary directory of its own, answering when
/// started, gone when disposed.
/// </summary>
public abstract class ServerProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartDeadline = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan ShutdownPatience = TimeSpan.FromSeconds(20);
    private readonly string name;
    private ChildProcess? process;

    private protected ServerProcess(string name)
    {
        this.name = name;
        Directory = System.IO.Directory.CreateTempSubdirectory($"daprk8s-{name}-").FullName;
        Port = Loopback.FreePort();
    }

    /// <summary>Where the server listens.</summary>
    public string Host => "127.0.0.1";

    /// <summary>Where the server listens; the same after a restart.</summary>
    public int Port { get; private set; }

    /// <summary>Host and port joined by a colon.</summary>
    public string Address => $"{Host}:{Port}";

    /// <summary>The last lines that the server wrote.</summary>
    public string Output => process?.Output ?? "";

    /// <summary>Whether the server's process lives.</summary>
    public bool IsRunning => process is { HasExited: false };

    /// <summary>The server's own directory.</summary>
    protected string Directory { get; }

    /// <summary>Kills the server as a crash would, at once; written data stays.</summary>
    public async Task StopAsync()
    {
        if (process is not null)
        {
            await process.DisposeAsync();
            process = null;
        }
    }

    /// <summary>
    /// Starts the server again on the same port with its data; one that still runs is shut down in order before.
    /// </summary>
    public async Task RestartAsync()
    {
        if (process is { HasExited: false })
        {
            await process.ShutDownAsync(ShutdownPatience, ShutdownSignal);
        }

        await StopAsync();
        await LaunchAsync();
    }

    /// <summary>Freezes the server: connections stay open and nothing answers.</summary>
    public Task PauseAsync()
    {
        Running.Pause();
        return Task.CompletedTask;
    }

    /// <summary>Lets a frozen server go on.</summary>
    public Task ResumeAsync()
    {
        Running.Resume();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await CleanUpAsync();
        System.IO.Directory.Delete(Directory, recursive: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Starts a server for the first time and waits until it answers; takes another port when one is snatched away.</summary>
    private protected async Task FirstLaunchAsync()
    {
        try
        {
            await PrepareAsync();
            for (var attempt = 1; ; attempt++)
            {
                try
                {
                    await LaunchAsync();
                    return;
                }
                catch (InvalidOperationException e) when (attempt < 4 && e.Message.Contains("in use", StringComparison.Ordinal))
                {
                    await StopAsync();
                    Port = Loopback.FreePort();
                }
            }
        }
        catch
        {
            await DisposeAsync();
            throw;
        }
    }

    /// <summary>What tells the server to shut down in order.</summary>
    private protected virtual int ShutdownSignal => ChildProcess.Terminate;

    /// <summary>Lays out the data directory, once.</summary>
    private protected virtual Task PrepareAsync() => Task.CompletedTask;

    /// <summary>Starts the server's process.</summary>
    private protected abstract Task<ChildProcess> StartProcessAsync();

    /// <summary>Talks to the server as a client does; throws while it does not answer yet.</summary>
    private protected abstract Task ProbeAsync(CancellationToken cancellationToken);

    /// <summary>Ends what runs beside the server.</summary>
    private protected virtual ValueTask CleanUpAsync() => ValueTask.CompletedTask;

    private ChildProcess Running => process ?? throw new InvalidOperationException($"{name} is not running");

    private async Task LaunchAsync()
    {
        process = await StartProcessAsync();
        var clock = Stopwatch.StartNew();
        while (true)
        {
            if (process.HasExited)
            {
                throw new InvalidOperationException($"{name} on port {Port} ended with {process.ExitCode}:\n{Output}");
            }

            using var attempt = new CancellationTokenSource(TimeSpan.FromSeconds(5));
            try
            {
                await ProbeAsync(attempt.Token);
                return;
            }
            catch (Exception e)
            {
                if (clock.Elapsed > StartDeadline)
                {
                    throw new TimeoutException($"{name} on port {Port} does not answer ({e.Message}):\n{Output}", e);
                }
            }

            await Task.Delay(20, CancellationToken.None);
        }
    }
}
