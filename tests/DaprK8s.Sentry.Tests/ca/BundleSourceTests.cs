using DaprK8s.Sentry.Ca;
using DaprK8s.Sentry.Jwt;
using DaprK8s.Sentry.Store;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Sentry.Tests.Ca;

public sealed class BundleSourceTests
{
    private readonly FakeTimeProvider time = new(DateTimeOffset.UtcNow);
    private readonly ListLogger logger = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_authority_is_generated_where_none_is_and_kept_from_then_on()
    {
        var store = new MemoryStore(hasPublicCopy: true);
        var generated = 0;
        var source = Source(store);
        source.Generated += () => generated++;
        var first = await source.LoadAsync(generate: true, Token);
        var second = await Source(store).LoadAsync(generate: true, Token);

        Assert.Equal(1, generated);
        Assert.Equal(1, store.Writes);
        Assert.Equal(first.Stored.Text(BundleItems.TrustAnchors), System.Text.Encoding.ASCII.GetString(second.Ca.TrustAnchorsPem));
        Assert.Equal(store.Held!.Text(BundleItems.TrustAnchors), System.Text.Encoding.UTF8.GetString(store.Held!.Published![BundleItems.TrustAnchors].Span));
        Assert.Null(second.Jwt);
    }

    [Fact]
    public async Task Of_two_sentries_that_start_at_once_the_slower_takes_what_the_faster_generated()
    {
        var store = new MemoryStore();
        LoadedBundle? faster = null;
        store.BeforeSave = () =>
        {
            store.BeforeSave = null;
            faster = Source(store).LoadAsync(generate: true, Token).GetAwaiter().GetResult();
        };
        var slower = await Source(store).LoadAsync(generate: true, Token);
        Assert.Equal(faster!.Ca.Issuer.Certificate.Thumbprint, slower.Ca.Issuer.Certificate.Thumbprint);
    }

    [Fact]
    public async Task Nothing_is_generated_while_an_authority_is_in_force()
    {
        var store = new MemoryStore();
        var error = await Assert.ThrowsAsync<CaBundleException>(() => Source(store).LoadAsync(generate: false, Token));
        Assert.Contains("the certificate authority is gone from the store", error.Message);
        Assert.Equal(0, store.Writes);
    }

    [Fact]
    public async Task A_bundle_that_does_not_parse_stops_the_start_and_is_left_as_it_is()
    {
        var store = new MemoryStore(Bundles.Generated(time.GetUtcNow()).With(BundleItems.IssuerKey, "broken"), hasPublicCopy: true);
        var error = await Assert.ThrowsAsync<CaBundleException>(() => Source(store).LoadAsync(generate: true, Token));
        Assert.Equal("failed to verify CA bundle: key is not PEM encoded (issuer.key)", error.Message);
        Assert.Equal(0, store.Writes);
    }

    [Fact]
    public async Task An_empty_public_copy_is_filled_from_the_stored_anchors_and_a_foreign_one_stops_the_start()
    {
        var bundle = Bundles.Generated(time.GetUtcNow());
        var empty = new MemoryStore(bundle.Published(), hasPublicCopy: true);
        await Source(empty).LoadAsync(generate: true, Token);
        Assert.Equal(bundle.Text(BundleItems.TrustAnchors), empty.Held!.Text(BundleItems.TrustAnchors));
        Assert.True(empty.Held!.Published!.ContainsKey(BundleItems.TrustAnchors));

        var tampered = new MemoryStore(bundle.Published((BundleItems.TrustAnchors, Bundles.Generated(time.GetUtcNow()).Text(BundleItems.TrustAnchors))), hasPublicCopy: true);
        var error = await Assert.ThrowsAsync<CaBundleException>(() => Source(tampered).LoadAsync(generate: true, Token));
        Assert.StartsWith("failed to verify CA bundle: ca.crt of ConfigMap and Secret differ", error.Message);
        Assert.Equal(0, tampered.Writes);
    }

    [Fact]
    public async Task An_expired_authority_of_the_user_stops_the_start()
    {
        time.Advance(TimeSpan.FromDays(25));
        var error = await Assert.ThrowsAsync<CaBundleException>(() => Source(new MemoryStore(OpenSsl.CreateBundle("p256"))).LoadAsync(generate: true, Token));
        Assert.StartsWith(
            "failed to verify CA bundle: issuer chain does not belong to trust anchors: certificate has expired or is not yet valid: CN=Issuer issuer", error.Message);
    }

    [Fact]
    public async Task A_JWT_key_joins_an_authority_that_stays_as_it_is_and_the_reverse()
    {
        var bundle = OpenSsl.CreateBundle("p256");
        var store = new MemoryStore(bundle, hasPublicCopy: true);
        var loaded = await Source(store, new JwtSettings { Enabled = true }).LoadAsync(generate: true, Token);
        Assert.Equal(bundle.Text(BundleItems.IssuerKey), loaded.Stored.Text(BundleItems.IssuerKey));
        Assert.NotNull(loaded.Jwt);
        Assert.True(store.Held!.Published!.ContainsKey(BundleItems.Jwks));

        var alone = new MemoryStore(Bundles.Of((BundleItems.JwtKey, loaded.Stored.Text(BundleItems.JwtKey)), (BundleItems.Jwks, loaded.Stored.Text(BundleItems.Jwks))));
        var joined = await Source(alone, new JwtSettings { Enabled = true }).LoadAsync(generate: true, Token);
        Assert.Equal(loaded.Jwt!.KeyId, joined.Jwt!.KeyId);
    }

    [Fact]
    public async Task A_JWT_key_without_public_keys_gets_them_and_public_keys_without_key_stop_the_start()
    {
        var items = JwtMaterial.Generate(new JwtSettings());
        var bundle = Bundles.Generated(time.GetUtcNow());
        var key = System.Text.Encoding.ASCII.GetString(items[BundleItems.JwtKey].Span);
        var loaded = await Source(new MemoryStore(bundle.With(BundleItems.JwtKey, key)), new JwtSettings { Enabled = true }).LoadAsync(generate: true, Token);
        Assert.Equal(key, loaded.Stored.Text(BundleItems.JwtKey));
        Assert.NotNull(loaded.Jwt);

        var keys = System.Text.Encoding.ASCII.GetString(items[BundleItems.Jwks].Span);
        var error = await Assert.ThrowsAsync<CaBundleException>(
            () => Source(new MemoryStore(bundle.With(BundleItems.Jwks, keys))).LoadAsync(generate: true, Token));
        Assert.Equal("failed to verify JWKS: can't verify JWKS without signing key", error.Message);
    }

    private BundleSource Source(ICaStore store, JwtSettings? jwt = null) => new(store, Bundles.Profile, jwt ?? new JwtSettings(), time, logger);
}
