using System.Net;
using System.Net.Sockets;
using DaprK8s.Common.Text;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.NameResolution.Mdns;

/// <summary>
/// Finds sidecars of the local networks by multicast DNS, as Dapr's self-hosted sidecars find each other: same names,
/// records and timings (contract: messaging 6.3), so both kinds see one another. Every live instance of an app id is
/// returned; which one is called is the caller's choice. Namespaces do not exist here.
/// </summary>
/// <remarks>
/// Unlike the reference, the sockets stay open and every answer that passes by is taken in, whoever asked; so an app id
/// that is in use is refreshed without bursts of sockets, and one that says goodbye is forgotten at once. Instances that
/// expired are never returned.
/// </remarks>
internal sealed class MdnsNameResolver : INameResolver, ISightingSink
{
    /// <summary>The port of multicast DNS.</summary>
    public const int Port = 5353;

    // How long a caller waits when nothing is known; halfway the question is repeated, since multicast gets lost.
    private static readonly TimeSpan FirstBrowse = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RefreshInterval = TimeSpan.FromSeconds(30);

    // Each one asks every network twice; callers who invent app ids must not turn that into a flood.
    private const int MaxBrowses = 256;

    private readonly Func<ComponentContext, IMdnsLink> openLink;
    private readonly CancellationTokenSource closing = new();
    private readonly Dictionary<string, Browse> browses = new(StringComparer.Ordinal);
    private readonly Lock gate = new();
    private ComponentContext context = null!;
    private IMdnsLink link = null!;
    private InstanceCache cache = null!;
    private ITimer? refreshTimer;
    private bool refreshing;
    private Task introduction = Task.CompletedTask;
    private volatile MdnsResponder? responder;

    /// <summary>Makes a resolver; nothing is opened yet.</summary>
    /// <param name="openLink">Yields the networks to use.</param>
    public MdnsNameResolver(Func<ComponentContext, IMdnsLink> openLink) => this.openLink = openLink;

    /// <inheritdoc/>
    public IReadOnlyCollection<string> SeenAppIds => cache.SeenAppIds();

    /// <inheritdoc/>
    public string SearchedPlaces => $"mdns (waited {GoDuration.Format(FirstBrowse)})";

    /// <inheritdoc/>
    public Task InitAsync(ComponentContext context, CancellationToken cancellationToken)
    {
        this.context = context;
        cache = new InstanceCache(context.Time);
        refreshTimer = context.Time.CreateTimer(_ => Refresh(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        link = openLink(context);
        link.Open(OnDatagram, OnNetworkAppeared);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task AnnounceAsync(Announcement self, CancellationToken cancellationToken)
    {
        AnnouncementCheck.Check(self);
        if (responder is not null)
        {
            throw new InvalidOperationException($"app id {self.AppId} already registered for port {self.InternalPort}");
        }

        var announcement = MdnsAnnouncement.TryCreate(self, HostName(), Environment.ProcessId);
        if (announcement is null)
        {
            context.Logger.LogWarning("mDNS: app id {AppId} is no domain name and can't be announced", self.AppId);
            return Task.CompletedTask;
        }

        responder = new MdnsResponder(link, announcement, context.Time);
        introduction = IntroduceAsync(responder);
        context.Logger.LogInformation(
            "local service entry announced: {AppId} -> {Address}:{Port}", self.AppId, self.HostAddress, self.InternalPort);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<string>> ResolveAsync(string appId, string @namespace, int port, CancellationToken cancellationToken)
        => cache.TryGet(appId, out var addresses)
            ? ValueTask.FromResult<IReadOnlyList<string>>(addresses)
            : new(BrowseAsync(appId, cancellationToken));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await closing.CancelAsync();
        if (refreshTimer is not null)
        {
            await refreshTimer.DisposeAsync();
        }

        Task[] running;
        lock (gate)
        {
            running = [introduction, .. browses.Values.Select(b => b.Run)];
        }

        await Task.WhenAll(running);
        if (link is not null)
        {
            responder?.SayGoodbye();
            await link.DisposeAsync();
        }

        closing.Dispose();
    }

    /// <inheritdoc/>
    void ISightingSink.OnPresent(string appId, DnsName instance, string address)
    {
        if (!cache.Add(appId, instance, address))
        {
            return;
        }

        KeepRefreshing();
        lock (gate)
        {
            if (browses.TryGetValue(appId, out var browse))
            {
                browse.Found.TrySetResult();
            }
        }
    }

    /// <inheritdoc/>
    void ISightingSink.OnGone(string appId, DnsName instance, string? address) => cache.Remove(appId, instance, address);

    /// <inheritdoc/>
    void ISightingSink.OnAppId(string appId)
    {
        cache.Note(appId);
        KeepRefreshing();
    }

    private async Task IntroduceAsync(MdnsResponder self)
    {
        try
        {
            await self.IntroduceAsync(closing.Token);
        }
        catch (OperationCanceledException)
        {
            // The sidecar ends before it was announced twice.
        }
        catch (Exception e)
        {
            context.Logger.LogWarning(e, "mDNS: announcing failed");
        }
    }

    private async Task<IReadOnlyList<string>> BrowseAsync(string appId, CancellationToken cancellationToken)
    {
        Browse? browse;
        lock (gate)
        {
            if (!browses.TryGetValue(appId, out browse))
            {
                if (closing.IsCancellationRequested || browses.Count >= MaxBrowses || !DnsName.TryJoin(appId, DnsName.Local, out var service))
                {
                    return [];
                }

                browse = new Browse();
                browses.Add(appId, browse);
                cache.Want(appId);
                browse.Run = RunAsync(browse, appId, service);
            }
        }

        await browse.Found.Task.WaitAsync(cancellationToken);
        return cache.TryGet(appId, out var addresses) ? addresses : [];
    }

    /// <summary>
    /// One browse, shared by all who wait for the app id. Ends the waiting with the first answer; the question is repeated
    /// even so, for further instances whose answer was lost.
    /// </summary>
    private async Task RunAsync(Browse browse, string appId, DnsName service)
    {
        try
        {
            // Out of the caller's lock.
            await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            context.Logger.LogDebug("no mDNS address found in cache, browsing network for app id {AppId}", appId);
            MdnsQuery.Browse(link, service, known: []);
            await Task.Delay(FirstBrowse / 2, context.Time, closing.Token);
            MdnsQuery.Browse(link, service, cache.InstancesOf(appId), alsoServiceTypes: !browse.Found.Task.IsCompleted);
            await browse.Found.Task.WaitAsync(FirstBrowse / 2, context.Time, closing.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or TimeoutException)
        {
            context.Logger.LogDebug("Browsing for first mDNS address for app id {AppId} timed out.", appId);
        }
        catch (Exception e)
        {
            context.Logger.LogWarning(e, "mDNS: browsing for app id {AppId} failed", appId);
        }
        finally
        {
            lock (gate)
            {
                browses.Remove(appId);
            }

            browse.Found.TrySetResult();
        }
    }

    private void OnDatagram(ReadOnlySpan<byte> message, in DatagramOrigin origin)
    {
        if (!DnsMessageReader.TryOpen(message, out var reader))
        {
            return;
        }

        if (reader.IsResponse)
        {
            ServiceSightings.Read(ref reader, origin, this);
        }
        else
        {
            responder?.Answer(message, ref reader, origin);
        }
    }

    private void OnNetworkAppeared()
    {
        context.Logger.LogDebug("mDNS: the machine's networks have changed, announcing anew");
        if (!closing.IsCancellationRequested)
        {
            responder?.Announce();
            Refresh();
        }
    }

    /// <summary>Drops what is over and asks for what callers use; without either, the timer rests.</summary>
    private void Refresh()
    {
        try
        {
            var wanted = cache.Sweep();
            if (!closing.IsCancellationRequested)
            {
                MdnsQuery.Refresh(link, wanted.Select(id => DnsName.TryJoin(id, DnsName.Local, out var name) ? name : null).OfType<DnsName>());
            }
        }
        catch (Exception e)
        {
            context.Logger.LogWarning(e, "mDNS: refreshing failed");
        }

        lock (gate)
        {
            if (cache.IsEmpty)
            {
                refreshing = false;
                refreshTimer?.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            }
        }
    }

    private void KeepRefreshing()
    {
        lock (gate)
        {
            if (!refreshing)
            {
                refreshing = true;
                refreshTimer?.Change(RefreshInterval, RefreshInterval);
            }
        }
    }

    private static string HostName()
    {
        try
        {
            return Dns.GetHostName();
        }
        catch (SocketException)
        {
            return Environment.MachineName;
        }
    }

    private sealed class Browse
    {
        public TaskCompletionSource Found { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Run { get; set; } = Task.CompletedTask;
    }
}
