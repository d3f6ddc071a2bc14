using System.Globalization;
using System.Net.Http;
using DaprK8s.Bench.Load;
using DaprK8s.TestServers;

namespace DaprK8s.Bench.Processes;

/// <summary>The echo app as a child process.</summary>
internal sealed class EchoProcess : IAsyncDisposable
{
    private readonly ChildProcess process;
    private readonly HttpClient http;

    private EchoProcess(ChildProcess process, int httpPort, int grpcPort)
    {
        this.process = process;
        HttpPort = httpPort;
        GrpcPort = grpcPort;
        http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{httpPort}") };
    }

    public int HttpPort { get; }

    public int GrpcPort { get; }

    public int Id => process.Id;

    public static async Task<EchoProcess> StartAsync(bool subscribes = false)
    {
        var (httpPort, grpcPort) = (Loopback.FreePort(), Loopback.FreePort());
        var process = await ChildProcess.StartAsync(
            Environment.ProcessPath!, ["echo", $"{httpPort}", $"{grpcPort}", $"{subscribes}"]);
        var app = new EchoProcess(process, httpPort, grpcPort);
        try
        {
            await app.WaitAsync();
            return app;
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }
    }

    /// <summary>Messages delivered so far.</summary>
    public async Task<long> DeliveriesAsync() => long.Parse(await http.GetStringAsync("/count"), CultureInfo.InvariantCulture);

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await process.DisposeAsync();
    }

    private async Task WaitAsync()
    {
        var deadline = Ticker.Now + Ticker.Nanoseconds(TimeSpan.FromSeconds(30));
        while (true)
        {
            try
            {
                await DeliveriesAsync();
                return;
            }
            catch (HttpRequestException e)
            {
                if (process.HasExited || Ticker.Now > deadline)
                {
                    throw new InvalidOperationException($"the echo app does not start: {process.Output}", e);
                }
            }

            await Task.Delay(20);
        }
    }
}
