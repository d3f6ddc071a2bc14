using System.Globalization;

namespace DaprK8s.Sidecar.Runtime;

/// <summary><c>--wait</c>: holds a start script until another sidecar is outbound ready (contract: operations 4.2).</summary>
internal static class OutboundWait
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan RequestLimit = TimeSpan.FromMilliseconds(500);

    public static async Task RunAsync(int httpPort, TimeProvider time)
    {
        var url = string.Create(CultureInfo.InvariantCulture, $"http://localhost:{httpPort}/v1.0/healthz/outbound");
        await Console.Error.WriteLineAsync($"Waiting for Dapr to be outbound ready (timeout: {Limit.TotalSeconds} seconds): url={url}");
        using var client = new HttpClient { Timeout = RequestLimit };
        var started = time.GetTimestamp();
        var lastLine = started;
        while (true)
        {
            if (await TryAsync(client, url) is not { } problem)
            {
                await Console.Error.WriteLineAsync("Dapr is outbound ready!");
                return;
            }

            if (time.GetElapsedTime(started) >= Limit)
            {
                await Console.Error.WriteLineAsync($"timeout waiting for Dapr to become outbound ready. Last error: {problem}");
                return;
            }

            if (time.GetElapsedTime(lastLine) >= TimeSpan.FromSeconds(1))
            {
                lastLine = time.GetTimestamp();
                await Console.Error.WriteLineAsync($"Dapr outbound NOT ready yet: {problem}");
            }

            await Task.Delay(Pause, time);
        }
    }

    private static async Task<string?> TryAsync(HttpClient client, string url)
    {
        try
        {
            using var response = await client.GetAsync(url);
            return (int)response.StatusCode == 204 ? null : $"status code is {(int)response.StatusCode}";
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            return e.Message;
        }
    }
}
