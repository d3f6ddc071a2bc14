using System.Security.Cryptography.X509Certificates;
using DaprK8s.Sentry.Ca;
using DaprK8s.Sentry.Rotation;
using DaprK8s.Sentry.Store;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Sentry.Tests.Rotation;

public sealed class RootRotationTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);
    private static readonly TimeSpan Month = TimeSpan.FromDays(30);

    private readonly FakeTimeProvider time = new(Start);

    [Fact]
    public async Task A_root_is_replaced_in_three_steps_with_openssl_agreeing_at_each()
    {
        var store = new MemoryStore();
        var sentry = await SimulatedSentry.StartAsync(store, time, Month);
        await sentry.StepAsync();
        var (oldChain, oldAnchors) = sentry.Sign();
        Assert.Single(sentry.Bundle.TrustAnchors);

        // Three quarters of its life on: published, still signing under the old one.
        time.SetUtcNow(Start + TimeSpan.FromDays(273));
        await sentry.StepAsync();
        Assert.Single(sentry.Bundle.TrustAnchors);
        time.SetUtcNow(Start + TimeSpan.FromDays(274));
        await sentry.StepAsync();
        Assert.Equal(2, sentry.Bundle.TrustAnchors.Count);
        var (chain, bothAnchors) = sentry.Sign();
        Assert.True(OpenSsl.Verifies(oldAnchors, chain, time.GetUtcNow()), "peers that know only the old root");
        Assert.True(OpenSsl.Verifies(bothAnchors, chain, time.GetUtcNow()), "peers that know both");

        // A month later to the second: signing under the new one; who knows both trusts certificates of both.
        time.SetUtcNow(Start + TimeSpan.FromDays(274) + Month - TimeSpan.FromSeconds(1));
        await sentry.StepAsync();
        var (lastOld, _) = sentry.Sign();
        Assert.True(OpenSsl.Verifies(oldAnchors, lastOld, time.GetUtcNow()));
        time.Advance(TimeSpan.FromSeconds(1));
        await sentry.StepAsync();
        var (newChain, stillBoth) = sentry.Sign();
        Assert.False(OpenSsl.Verifies(oldAnchors, newChain, time.GetUtcNow()));
        Assert.True(OpenSsl.Verifies(bothAnchors, newChain, time.GetUtcNow()));
        Assert.True(OpenSsl.Verifies(stillBoth, lastOld, time.GetUtcNow()));

        // When nothing of the old one is valid any more it is dropped.
        time.Advance(Month - Hour);
        await sentry.StepAsync();
        Assert.Equal(2, sentry.Bundle.TrustAnchors.Count);
        time.Advance(Hour);
        await sentry.StepAsync();
        var (lastChain, lastAnchors) = sentry.Sign();
        Assert.Single(sentry.Bundle.TrustAnchors);
        Assert.True(OpenSsl.Verifies(lastAnchors, lastChain, time.GetUtcNow()));
        Assert.False(OpenSsl.Verifies(lastAnchors, oldChain, Start + Hour));
        Assert.Equal(
            [BundleItems.TrustAnchors, BundleItems.IssuerCertificate, BundleItems.IssuerKey],
            BundleItems.All.Where(i => store.Held![i] is not null));
        Assert.Equal(["RootPublished", "RootTookOver", "RootRetired"], sentry.Events.All.Select(e => e.Reason));
    }

    [Fact]
    public async Task Over_three_years_with_two_replicas_and_restarts_no_peer_ever_refuses_another()
    {
        var store = new MemoryStore(hasPublicCopy: true);
        SimulatedSentry[] replicas = [await SimulatedSentry.StartAsync(store, time, Month), await SimulatedSentry.StartAsync(store, time, Month)];
        var random = new Random(20260101);

        // Peers renew each half day, at different hours; the last ones learn anchors only when they restart, each 28 days.
        var peers = Enumerable.Range(0, 8).Select(n => new Peer(n, LearnsAtRestartOnly: n >= 6)).ToArray();
        HashSet<string> roots = [];
        for (var hour = 0; hour < 3 * 365 * 24; hour += 3)
        {
            time.SetUtcNow(Start + (hour * Hour));
            if (hour % (24 * 17) == 0)
            {
                replicas[random.Next(2)] = await SimulatedSentry.StartAsync(store, time, Month);
            }

            // Each replica looks each hour in reality; here one of them at a time is late by up to a day.
            var awake = replicas[random.Next(2)];
            await awake.StepAsync();
            await replicas[random.Next(2)].ReloadAsync();
            foreach (var peer in peers)
            {
                if (hour % 12 == peer.Number % 4 * 3)
                {
                    peer.Renew(replicas[random.Next(2)], time.GetUtcNow(), restarts: hour / 12 % 56 == peer.Number);
                }
            }

            roots.Add(awake.Bundle.Issuer.Anchor.Thumbprint);
            Assert.InRange(awake.Bundle.TrustAnchors.Count, 1, 2);
            foreach (var peer in peers.Where(p => p.Leaf is not null))
            {
                foreach (var other in peers.Where(p => p.Leaf is not null))
                {
                    Assert.True(peer.Trusts(other, time.GetUtcNow()), $"hour {hour}: peer {peer.Number} refuses {other.Number}");
                }
            }
        }

        Assert.Equal(4, roots.Count);
    }

    [Fact]
    public async Task The_change_over_needs_no_write_and_happens_at_the_same_moment_everywhere()
    {
        var store = new MemoryStore();
        var first = await SimulatedSentry.StartAsync(store, time, Month);
        time.SetUtcNow(Start + TimeSpan.FromDays(274));
        await first.StepAsync();
        var second = await SimulatedSentry.StartAsync(store, time, Month);
        time.Advance(Month);

        foreach (var sentry in new[] { first, second })
        {
            var leaf = Leaf(sentry.Sign().Chain);
            Assert.Equal(sentry.Bundle.Next!.Certificate.Thumbprint, sentry.Bundle.TrustAnchors.Count == 2 ? Issuer(sentry).Thumbprint : "");
            Assert.True(leaf.IsIssuedBy(sentry.Bundle.Next.Certificate));
        }

        static X509Certificate2 Issuer(SimulatedSentry sentry) => CertificateList.Read(sentry.Sign().Chain, "chain")[1];
    }

    [Fact]
    public async Task Two_replicas_that_begin_at_once_publish_one_root()
    {
        var store = new MemoryStore();
        var first = await SimulatedSentry.StartAsync(store, time, Month);
        var second = await SimulatedSentry.StartAsync(store, time, Month);
        time.SetUtcNow(Start + TimeSpan.FromDays(280));
        var inside = false;
        store.BeforeSave = () =>
        {
            if (!inside)
            {
                inside = true;
                second.StepAsync().GetAwaiter().GetResult();
            }
        };
        await first.StepAsync();

        Assert.Equal(2, first.Bundle.TrustAnchors.Count);
        Assert.Equal(first.Bundle.Next!.Certificate.Thumbprint, second.Bundle.Next!.Certificate.Thumbprint);
        Assert.Empty(first.Events.All);
        Assert.Single(second.Events.All);
    }

    [Fact]
    public async Task A_short_propagation_is_stretched_to_the_life_of_a_certificate_and_the_skew()
    {
        var sentry = await SimulatedSentry.StartAsync(new MemoryStore(), time, Hour);
        time.SetUtcNow(Start + TimeSpan.FromDays(280));
        await sentry.StepAsync();
        Assert.Equal(
            time.GetUtcNow() + SimulatedSentry.Lifetime + Bundles.Skew,
            CaBundle.TakesOver(sentry.Bundle.Next!, Bundles.Skew));
    }

    [Fact]
    public async Task A_late_start_leaves_the_old_issuer_time_for_a_last_renewal()
    {
        var store = new MemoryStore();
        await SimulatedSentry.StartAsync(store, time, Month);
        time.SetUtcNow(Start + TimeSpan.FromDays(355));
        var sentry = await SimulatedSentry.StartAsync(store, time, Month);
        await sentry.StepAsync();
        Assert.Equal(Start + TimeSpan.FromDays(365) - SimulatedSentry.Lifetime - Bundles.Skew, CaBundle.TakesOver(sentry.Bundle.Next!, Bundles.Skew));
    }

    [Fact]
    public async Task A_generated_root_that_ended_while_nobody_ran_is_replaced_at_once()
    {
        var store = new MemoryStore();
        await SimulatedSentry.StartAsync(store, time, Month);
        time.SetUtcNow(Start + TimeSpan.FromDays(400));
        var sentry = await SimulatedSentry.StartAsync(store, time, Month);
        await sentry.StepAsync();
        var (chain, anchors) = sentry.Sign();
        Assert.True(OpenSsl.Verifies(anchors, chain, time.GetUtcNow()));
    }

    [Fact]
    public async Task An_authority_of_the_user_is_never_replaced_but_warned_of_in_log_and_event_once_a_day()
    {
        var logger = new ListLogger();
        var store = new MemoryStore(OpenSsl.CreateBundle("p256"));

        // Read behind the certificates, which begin with the second in which they are made.
        time.SetUtcNow(DateTimeOffset.UtcNow);
        var sentry = await SimulatedSentry.StartAsync(store, time, Month, logger);
        using var stop = new CancellationTokenSource();
        var loop = new RotationLoop(store, new RootRotation(Bundles.Profile, sentry.Policy), sentry.Events, time, logger);
        var bundle = new LoadedBundle(store.Held!, sentry.Bundle, null);
        var running = loop.RunAsync(() => bundle, () => Task.Delay(Timeout.Infinite, stop.Token), _ => Task.CompletedTask, stop.Token);

        // Its issuer has twenty days, its root thirty: the last quarter begins 7.5 days before the first end.
        time.Advance(TimeSpan.FromDays(12));
        Assert.Empty(sentry.Events.All);
        await Eventually.TrueAsync(
            () =>
            {
                time.Advance(Hour);
                return sentry.Events.All.Count >= 3;
            },
            "three reminders");
        await stop.CancelAsync();
        await Eventually.EndedAsync(running);

        Assert.Equal(0, store.Writes);
        Assert.All(sentry.Events.All, e => Assert.Equal((true, "RootExpiring"), (e.Warning, e.Reason)));
        Assert.Contains("and is not replaced without asking, as sentry did not generate its root CN=Root root", sentry.Events.All[0].Message);
        Assert.Contains(logger.Lines, l => l.Level == LogLevel.Warning && l.Text == sentry.Events.All[0].Message);
    }

    [Fact]
    public async Task Metrics_tell_the_days_left_and_the_stage()
    {
        var sentry = await SimulatedSentry.StartAsync(new MemoryStore(), time, Month);
        Assert.Contains($"dapr_sentry_issuercert_expiry_timestamp {(Start + TimeSpan.FromDays(365)).ToUnixTimeSeconds()}\n", await sentry.ScrapeAsync());
        Assert.Contains("dapr_sentry_root_days_left 365\n", await sentry.ScrapeAsync());
        Assert.Contains("dapr_sentry_root_rotation_stage 0\n", await sentry.ScrapeAsync());

        time.SetUtcNow(Start + TimeSpan.FromDays(274));
        await sentry.StepAsync();
        Assert.Contains("dapr_sentry_issuercert_days_left 91\n", await sentry.ScrapeAsync());
        Assert.Contains("dapr_sentry_root_rotation_stage 1\n", await sentry.ScrapeAsync());

        time.Advance(Month);
        await sentry.StepAsync();
        Assert.Contains("dapr_sentry_issuercert_days_left 335\n", await sentry.ScrapeAsync());
        Assert.Contains("dapr_sentry_root_rotation_stage 2\n", await sentry.ScrapeAsync());
        Assert.Contains("dapr_sentry_issuercert_changed_total 3\n", await sentry.ScrapeAsync());
    }

    private static X509Certificate2 Leaf(byte[] chain) => CertificateList.Read(chain, "chain")[0];

    /// <summary>A workload: what it shows, and whom it trusts.</summary>
    private sealed record Peer(int Number, bool LearnsAtRestartOnly)
    {
        private IReadOnlyList<X509Certificate2> anchors = [];
        private IReadOnlyList<X509Certificate2> chain = [];
        private HashSet<string> trusted = [];

        public X509Certificate2? Leaf => chain.Count > 0 ? chain[0] : null;

        public void Renew(SimulatedSentry sentry, DateTimeOffset now, bool restarts)
        {
            var (pem, anchorsPem) = sentry.Sign();
            chain = CertificateList.Read(pem, "chain");
            if (!LearnsAtRestartOnly || anchors.Count == 0 || restarts)
            {
                anchors = CertificateList.Read(anchorsPem, "anchors");
                trusted = [];
            }
        }

        public bool Trusts(Peer other, DateTimeOffset now)
            => other.chain.All(c => c.Starts() <= now && now <= c.Ends()) && IsUnderAnchor(other.chain[^1], now);

        // Signatures are checked once for each issuer; there are tens of millions of pairs.
        private bool IsUnderAnchor(X509Certificate2 issuer, DateTimeOffset now)
        {
            var anchor = anchors.FirstOrDefault(a => trusted.Contains(a.Thumbprint + issuer.Thumbprint) || issuer.IsIssuedBy(a));
            return anchor is not null && (trusted.Add(anchor.Thumbprint + issuer.Thumbprint) || true) && anchor.Starts() <= now && now <= anchor.Ends();
        }
    }
}
