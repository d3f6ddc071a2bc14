using System.Diagnostics;
using System.Net.Sockets;
using DaprK8s.Bench.Load;
using DaprK8s.TestServers;

namespace DaprK8s.Bench.Processes;

/// <summary>A running sentry, self-hosted, with a certificate authority of its own.</summary>
internal sealed class SentryUnderTest : IAsyncDisposable
{
    private static readonly TimeSpan StartDeadline = TimeSpan.FromSeconds(60);
    private readonly ChildProcess process;
    private readonly string directory;

    private SentryUnderTest(ChildProcess process, string directory, int port, TimeSpan readyAfter)
        => (this.process, this.directory, Port, ReadyAfter) = (process, directory, port, readyAfter);

    public int Port { get; }

    public int Id => process.Id;

    /// <summary>From the start of the process to the first 200 of its health endpoint, generation of the authority included.</summary>
    public TimeSpan ReadyAfter { get; }

    public string AnchorsPem => File.ReadAllText(Path.Combine(directory, "ca.crt"));

    public Memory Memory => ProcessFigures.MemoryOf(Id);

    public static async Task<SentryUnderTest> StartAsync(string executable)
    {
        var directory = Directory.CreateTempSubdirectory("bench-sentry-").FullName;
        var (port, health) = (Loopback.FreePort(), Loopback.FreePort());
        var clock = Stopwatch.StartNew();
        var process = await ChildProcess.StartAsync(executable,
        [
            "--issuer-credentials", directory, "--port", $"{port}", "--listen-address", "127.0.0.1", "--healthz-port", $"{health}",
            "--metrics-port", $"{Loopback.FreePort()}", "--log-level", "warn",
        ]);
        var request = Http1Connection.Get("/healthz");
        while (true)
        {
            try
            {
                using var connection = new Http1Connection(health, request);
                connection.Exchange();
                return new SentryUnderTest(process, directory, port, clock.Elapsed);
            }
            catch (Exception e) when (e is IOException or SocketException)
            {
                if (process.HasExited || clock.Elapsed > StartDeadline)
                {
                    await process.DisposeAsync();
                    throw new TimeoutException($"sentry does not get ready ({e.Message}):\n{process.Output}", e);
                }
            }

            Ticker.SleepUntil(Ticker.Now + 500_000);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await process.ShutDownAsync(TimeSpan.FromSeconds(10));
        await process.DisposeAsync();
        Directory.Delete(directory, recursive: true);
    }
}
