using System.Text;
using DaprK8s.Common.Metrics;
using DaprK8s.Sentry.Ca;
using DaprK8s.Sentry.Jwt;
using DaprK8s.Sentry.Rotation;
using DaprK8s.Sentry.Server;
using DaprK8s.Sentry.Store;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace DaprK8s.Sentry.Tests;

/// <summary>A replica without its ports, on a clock and a store of the test: what it signs, and its steps of the rotation.</summary>
internal sealed class SimulatedSentry
{
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(24);

    private readonly ICaStore store;
    private readonly TimeProvider time;
    private readonly RotationLoop loop;
    private readonly Authority authority;

    private SimulatedSentry(ICaStore store, TimeProvider time, TimeSpan propagation, ILogger logger)
    {
        (this.store, this.time) = (store, time);
        Policy = new RotationPolicy(Lifetime, Bundles.Skew, propagation);
        Metrics = new MetricsRegistry(new MetricsOptions(), NullLogger.Instance);
        authority = new Authority(
            new BundleSource(store, Bundles.Profile, new JwtSettings(), time, logger), Policy, new JwtSettings(),
            new SentryMetrics(Metrics, time, Bundles.Skew), time, logger);
        loop = new RotationLoop(store, new RootRotation(Bundles.Profile, Policy), Events, time, logger);
    }

    public RotationPolicy Policy { get; }

    public MetricsRegistry Metrics { get; }

    public RecordedEvents Events { get; } = new();

    public CaBundle Bundle => authority.Current!.Bundle.Ca;

    public static async Task<SimulatedSentry> StartAsync(ICaStore store, TimeProvider time, TimeSpan propagation, ILogger? logger = null)
    {
        var sentry = new SimulatedSentry(store, time, propagation, logger ?? NullLogger.Instance);
        await sentry.authority.StartAsync(TestContext.Current.CancellationToken);
        return sentry;
    }

    /// <summary>What a replica does when its clock strikes: the step that is due.</summary>
    public async Task StepAsync()
    {
        while (await loop.StepAsync(authority.Current!.Bundle, TestContext.Current.CancellationToken))
        {
            await ReloadAsync();
        }
    }

    /// <summary>What it does when it hears of a change.</summary>
    public Task ReloadAsync() => authority.ReloadAsync(TestContext.Current.CancellationToken);

    /// <summary>A renewal of a workload: its certificate with the issuers, and the anchors that it learns with it.</summary>
    public (byte[] Chain, byte[] Anchors) Sign()
    {
        var state = authority.Current!;
        var key = SigningRequest.ReadPublicKey(Bundles.Request());
        var content = new CertificateContent(Common.Identity.SpiffeId.Create("public", "shop", "orders"), key, []);
        return (state.IssuerAt(time.GetUtcNow()).IssuePem(content, time.GetUtcNow()).Pem, state.TrustAnchors.ToByteArray());
    }

    public async Task<string> ScrapeAsync()
    {
        var text = new MemoryStream();
        await Metrics.WriteAsync(text, TestContext.Current.CancellationToken);
        return Encoding.UTF8.GetString(text.ToArray());
    }
}

/// <summary>Remembers events.</summary>
internal sealed class RecordedEvents : ICaEvents
{
    public List<(bool Warning, string Reason, string Message)> All { get; } = [];

    public void Report(bool warning, string reason, string message) => All.Add((warning, reason, message));
}
