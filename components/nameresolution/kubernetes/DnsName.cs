using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.NameResolution.Kubernetes;

/// <summary>
/// The addresses behind a DNS name that is in use. What was found is good for <see cref="Fresh"/>; after that a call still gets it while a
/// new look is under way, and only what is older than <see cref="Stale"/> is waited for.
/// </summary>
internal sealed class DnsName(string host, int port, Func<string, CancellationToken, Task<IPAddress[]>> lookUp, TimeProvider time, ILogger logger)
{
    /// <summary>For so long a look is taken as the truth.</summary>
    public static readonly TimeSpan Fresh = TimeSpan.FromSeconds(5);

    /// <summary>Nothing older than this is given out.</summary>
    public static readonly TimeSpan Stale = TimeSpan.FromSeconds(30);

    // Resolvers of the system give up by themselves, but not always soon.
    private static readonly TimeSpan LookLimit = TimeSpan.FromSeconds(10);

    private readonly Lock gate = new();
    private volatile Look? last;
    private Task<Look>? running;

    /// <summary>The addresses, <c>host:port</c>.</summary>
    /// <exception cref="InvalidOperationException">The name can't be resolved.</exception>
    public ValueTask<IReadOnlyList<string>> GetAsync(CancellationToken cancellationToken)
    {
        var known = last;
        var age = known is null ? TimeSpan.MaxValue : time.GetElapsedTime(known.At);
        if (known is null || age >= Stale)
        {
            return WaitAsync(cancellationToken);
        }

        if (age >= Fresh)
        {
            _ = LookAsync();
        }

        return ValueTask.FromResult(known.Addresses);
    }

    private async ValueTask<IReadOnlyList<string>> WaitAsync(CancellationToken cancellationToken) => (await LookAsync().WaitAsync(cancellationToken)).Addresses;

    // One look at a time, whoever wants it.
    private Task<Look> LookAsync()
    {
        lock (gate)
        {
            return running is { IsCompleted: false } current ? current : running = Task.Run(LookNowAsync);
        }
    }

    private async Task<Look> LookNowAsync()
    {
        using var limit = new CancellationTokenSource(LookLimit, time);
        try
        {
            var found = IPAddress.TryParse(host, out var literal) ? [literal] : await lookUp(host, limit.Token).WaitAsync(limit.Token);
            return last = new Look(Write(found), time.GetTimestamp());
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ArgumentException)
        {
            var problem = e is OperationCanceledException ? $"no answer within {LookLimit.TotalSeconds} s" : e.Message;
            if (e is SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData })
            {
                // The name is gone, and with it what was behind it; any other failure may pass.
                last = null;
            }

            logger.LogDebug("name resolution: {Host} can't be resolved: {Problem}", host, problem);
            throw new InvalidOperationException($"failed to resolve address for '{host}': {problem}", e);
        }
    }

    // A pod of a cluster with both families has an address of each; one is enough.
    private string[] Write(IPAddress[] found)
    {
        var family = Array.Exists(found, a => a.AddressFamily == AddressFamily.InterNetwork) ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;
        return [.. found.Where(a => a.AddressFamily == family).Select(a => new IPEndPoint(a, port).ToString()).Distinct(StringComparer.Ordinal)];
    }

    private sealed record Look(IReadOnlyList<string> Addresses, long At);
}
