using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;
using DaprK8s.Bench.Load;
using DaprK8s.TestServers;

namespace DaprK8s.Bench.Processes;

/// <summary>How a sidecar is started: only flags that every implementation knows.</summary>
/// <param name="AppId">Its app id.</param>
/// <param name="AppPort">Where its app listens, if it has one.</param>
/// <param name="AppProtocol">What its app speaks.</param>
/// <param name="Resources">Directory of its resources, if any.</param>
/// <param name="Sentry">Who gives it an identity; with one, mTLS is on.</param>
internal sealed record SidecarPlan(
    string AppId, int? AppPort = null, string AppProtocol = "http", string? Resources = null, SentryUnderTest? Sentry = null);

/// <summary>A running sidecar of the implementation under test.</summary>
internal sealed class DaprdUnderTest : IAsyncDisposable
{
    private static readonly TimeSpan StartDeadline = TimeSpan.FromSeconds(60);
    private readonly ChildProcess process;

    private DaprdUnderTest(ChildProcess process, int httpPort, int grpcPort, TimeSpan outboundReadyAfter)
    {
        this.process = process;
        HttpPort = httpPort;
        GrpcPort = grpcPort;
        OutboundReadyAfter = outboundReadyAfter;
    }

    public int HttpPort { get; }

    public int GrpcPort { get; }

    public int Id => process.Id;

    /// <summary>From the start of the process to the first 204 of <c>/v1.0/healthz/outbound</c>.</summary>
    public TimeSpan OutboundReadyAfter { get; }

    public Memory Memory => ProcessFigures.MemoryOf(Id);

    /// <summary>Starts a sidecar and waits until its API answers; with an app, until that is known to it as well.</summary>
    public static async Task<DaprdUnderTest> StartAsync(string executable, SidecarPlan plan)
    {
        var (http, grpc) = (Loopback.FreePort(), Loopback.FreePort());
        List<string> arguments =
        [
            "--app-id", plan.AppId, "--dapr-http-port", $"{http}", "--dapr-grpc-port", $"{grpc}",
            "--dapr-internal-grpc-port", $"{Loopback.FreePort()}", "--dapr-listen-addresses", "127.0.0.1",
            "--metrics-port", $"{Loopback.FreePort()}", "--log-level", "warn", "--max-body-size", "2Gi",
        ];
        if (plan.AppPort is { } port)
        {
            arguments.AddRange(["--app-port", $"{port}", "--app-protocol", plan.AppProtocol]);
        }

        if (plan.Resources is { } resources)
        {
            arguments.AddRange(["--resources-path", resources]);
        }

        Dictionary<string, string> environment = [];
        if (plan.Sentry is { } sentry)
        {
            arguments.AddRange(["--enable-mtls", "--sentry-address", $"127.0.0.1:{sentry.Port}"]);
            environment["DAPR_TRUST_ANCHORS"] = sentry.AnchorsPem;
        }

        var clock = Stopwatch.StartNew();
        var process = await ChildProcess.StartAsync(executable, arguments, environment, directory: Path.GetTempPath());
        try
        {
            WaitFor(process, http, "/v1.0/healthz/outbound", clock);
            var ready = clock.Elapsed;
            if (plan.AppPort is not null)
            {
                WaitFor(process, http, "/v1.0/healthz", clock);
            }

            return new DaprdUnderTest(process, http, grpc, ready);
        }
        catch
        {
            await process.DisposeAsync();
            throw;
        }
    }

    /// <summary>Types of the components that are loaded now.</summary>
    public async Task<IReadOnlyList<string>> ComponentTypesAsync()
    {
        using var http = new HttpClient();
        using var metadata = JsonDocument.Parse(await http.GetStringAsync($"http://127.0.0.1:{HttpPort}/v1.0/metadata"));
        return metadata.RootElement.TryGetProperty("components", out var components) && components.ValueKind == JsonValueKind.Array
            ? [.. components.EnumerateArray().Select(c => c.GetProperty("type").GetString()!)]
            : [];
    }

    /// <summary>What <c>--version</c> prints.</summary>
    public static async Task<string> VersionAsync(string executable)
    {
        using var process = Process.Start(new ProcessStartInfo(executable, "--version") { RedirectStandardOutput = true })
            ?? throw new InvalidOperationException($"{executable} does not start");
        var text = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return text.Trim();
    }

    public async ValueTask DisposeAsync()
    {
        await process.ShutDownAsync(TimeSpan.FromSeconds(10));
        await process.DisposeAsync();
    }

    // Asks twice per millisecond: what is measured starts in tens of them.
    private static void WaitFor(ChildProcess process, int port, string path, Stopwatch clock)
    {
        var request = Http1Connection.Get(path);
        while (true)
        {
            if (process.HasExited)
            {
                throw new InvalidOperationException(
                    string.Create(CultureInfo.InvariantCulture, $"the sidecar ended with {process.ExitCode}:\n{process.Output}"));
            }

            try
            {
                using var connection = new Http1Connection(port, request);
                connection.Exchange();
                return;
            }
            catch (Exception e) when (e is IOException or SocketException)
            {
                if (clock.Elapsed > StartDeadline)
                {
                    throw new TimeoutException($"the sidecar does not get ready ({e.Message}):\n{process.Output}", e);
                }
            }

            Ticker.SleepUntil(Ticker.Now + 500_000);
        }
    }
}
