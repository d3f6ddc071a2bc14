using System.Security.Cryptography.X509Certificates;
using System.Text;
using DaprK8s.Common.ControlPlane;
using DaprK8s.Common.Hosting;
using DaprK8s.Sentry.Ca;
using DaprK8s.Sentry.Server;
using DaprK8s.Sentry.Store;
using Grpc.Core;

namespace DaprK8s.Sentry.Tests.Server;

/// <summary>Start, reload, rotation by hand, and end.</summary>
public sealed class LifeTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => directory.Dispose();

    [Fact]
    public async Task A_restart_goes_on_with_the_same_authority()
    {
        string anchors;
        await using (var first = await RunningSentry.StartAsync(directory))
        {
            anchors = first.Anchors;
        }

        await using var second = await RunningSentry.StartAsync(directory);
        Assert.Equal(anchors, second.Anchors);
        Assert.Contains("dapr_sentry_issuercert_changed_total 0\n", await second.ScrapeAsync());
    }

    [Theory]
    [InlineData("issuer.key")]
    [InlineData("ca.crt")]
    public async Task Half_an_authority_is_no_start_and_no_reason_for_a_new_one(string lost)
    {
        await using (await RunningSentry.StartAsync(directory))
        {
        }

        File.Delete(directory[$"credentials/{lost}"]);
        await using var second = RunningSentry.Create(directory);
        var error = await Assert.ThrowsAsync<CaBundleException>(second.RunAsync);
        Assert.StartsWith($"failed to get CA bundle: failed to verify CA bundle: {lost} missing while ", error.Message);
        Assert.False(File.Exists(directory[$"credentials/{lost}"]));
    }

    [Fact]
    public async Task A_new_authority_in_the_files_is_taken_over_without_a_restart_and_connections_stay()
    {
        await using var sentry = await RunningSentry.StartAsync(directory);
        using var old = sentry.Connect(out _);
        var client = new Protos.Sentry.V1.CA.CAClient(old);
        await client.SignCertificateAsync(SigningTests.Request(), cancellationToken: Token);
        var next = Bundles.Generated(DateTimeOffset.UtcNow);
        foreach (var (item, bytes) in next.Items)
        {
            directory.Write($"credentials/{item}", bytes.Span);
        }

        await Eventually.TrueAsync(
            async () => (await client.SignCertificateAsync(SigningTests.Request())).TrustChainCertificates[0].ToStringUtf8() == next.Text(BundleItems.TrustAnchors),
            "the new anchors are handed out");
        using var fresh = sentry.Connect(out var presented);
        await new Protos.Sentry.V1.CA.CAClient(fresh).SignCertificateAsync(SigningTests.Request(), cancellationToken: Token);
        Assert.True(presented()!.IsIssuedBy(CertificateList.Read(next[BundleItems.IssuerCertificate]!.Value.Span, "")[0]), "sentry itself presents a certificate of the new issuer");
        Assert.Contains("dapr_sentry_issuercert_changed_total 2\n", await sentry.ScrapeAsync());
    }

    [Fact]
    public async Task A_broken_change_of_the_files_leaves_the_authority_in_force_and_is_told()
    {
        await using var sentry = await RunningSentry.StartAsync(directory);
        var anchors = sentry.Anchors;
        directory.Write("credentials/issuer.key", "broken");
        await EventuallyRefusedAsync("key is not PEM encoded (issuer.key)");
        var answer = await sentry.Client.SignCertificateAsync(SigningTests.Request(), cancellationToken: Token);
        Assert.Equal(anchors, answer.TrustChainCertificates[0].ToStringUtf8());

        foreach (var file in new[] { "ca.crt", "issuer.crt", "issuer.key" })
        {
            File.Delete(directory[$"credentials/{file}"]);
        }

        await EventuallyRefusedAsync("the certificate authority is gone from the store");
        Assert.False(File.Exists(directory["credentials/ca.crt"]));
        await sentry.Client.SignCertificateAsync(SigningTests.Request(), cancellationToken: Token);

        Task EventuallyRefusedAsync(string text) => Eventually.TrueAsync(
            async () => sentry.Log.Lines.Any(l => l.Text.Contains(text, StringComparison.Ordinal)) && (await sentry.ScrapeAsync()).Contains("dapr_sentry_bundle_refused 1\n", StringComparison.Ordinal),
            "the refusal is in log and metrics");
    }

    [Fact]
    public async Task Rotation_by_hand_publishes_a_root_that_the_running_sentry_hands_out_and_no_second_one()
    {
        await using var sentry = await RunningSentry.StartAsync(directory);
        var output = new StringWriter();
        Assert.True(await RotateAsync(sentry, output));
        Assert.Contains("the propagation time is raised to 24h15m0s", output.ToString());
        Assert.Contains("new root O=cluster.local", output.ToString());
        await Eventually.TrueAsync(
            async () => CertificateList.Read((await sentry.Client.SignCertificateAsync(SigningTests.Request())).TrustChainCertificates[0].Span, "").Count == 2,
            "both roots are handed out");
        Assert.Contains("dapr_sentry_root_rotation_stage 1\n", await sentry.ScrapeAsync());

        output = new StringWriter();
        Assert.False(await RotateAsync(sentry, output));
        Assert.StartsWith("a rotation is under way: the new root ", output.ToString().Split('\n')[1]);
    }

    [Fact]
    public async Task Rotation_by_hand_with_short_lived_certificates_runs_through()
    {
        directory.Write("config.yaml", "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nspec:\n  mtls:\n    enabled: true\n    workloadCertTTL: 3s\n    allowedClockSkew: 1s\n");
        await using var sentry = await RunningSentry.StartAsync(directory, "--config", directory["config.yaml"]);
        var old = CertificateList.Read(Encoding.ASCII.GetBytes(sentry.Anchors), "")[0];
        Assert.True(await RotateAsync(sentry, new StringWriter(), TimeSpan.Zero));
        await Eventually.TrueAsync(
            () => !CertificateList.Read(Encoding.ASCII.GetBytes(sentry.Anchors), "").Any(a => a.Is(old)) && !File.Exists(directory["credentials/issuer.previous.crt"]),
            "the old root is gone");

        var answer = await sentry.Client.SignCertificateAsync(SigningTests.Request(), cancellationToken: Token);
        Assert.True(OpenSsl.Verifies(Encoding.ASCII.GetBytes(sentry.Anchors), answer.WorkloadCertificate.Span, DateTimeOffset.UtcNow));
        Assert.False(File.Exists(directory["credentials/issuer.next.crt"]) || File.Exists(directory["credentials/issuer.next.key"]));
    }

    [Fact]
    public async Task Rotation_by_hand_says_why_it_leaves_a_users_authority_alone_unless_forced()
    {
        var bundle = OpenSsl.CreateBundle("p256");
        Directory.CreateDirectory(directory["credentials"]);
        foreach (var (item, bytes) in bundle.Items)
        {
            directory.Write($"credentials/{item}", bytes.Span);
        }

        await using var sentry = RunningSentry.Create(directory);
        var output = new StringWriter();
        Assert.False(await RotateAsync(sentry, output, TimeSpan.FromDays(2)));
        Assert.StartsWith("the root CN=Root root", output.ToString());
        Assert.Contains("was not generated by sentry", output.ToString());
        Assert.True(await RotateAsync(sentry, output, TimeSpan.FromDays(2), force: true));
        var read = CaBundleReader.Read(await new FileCaStore(directory["credentials"], new Dictionary<string, string>(), TimeProvider.System).LoadAsync(Token))!;
        Assert.Equal(2, read.TrustAnchors.Count);
        Assert.True(CaGenerator.IsGenerated(read.Next!.Anchor));
    }

    [Fact]
    public async Task Without_an_authority_there_is_nothing_to_rotate()
    {
        var output = new StringWriter();
        Assert.False(await RotateAsync(RunningSentry.Create(directory), output, TimeSpan.FromDays(2)));
        Assert.StartsWith("there is no certificate authority yet", output.ToString());
    }

    [Fact]
    public async Task Health_is_for_its_path_only_and_metrics_can_be_off()
    {
        await using var sentry = await RunningSentry.StartAsync(directory, "--enable-metrics=false");
        Assert.Equal("", await sentry.Http.GetStringAsync(sentry.Health, Token));
        Assert.Equal(System.Net.HttpStatusCode.NotFound, (await sentry.Http.GetAsync(sentry.Health + "x", Token)).StatusCode);
        await Assert.ThrowsAsync<HttpRequestException>(sentry.ScrapeAsync);
    }

    [Fact]
    public async Task It_is_not_ready_before_its_keys_are_there()
    {
        directory.Write("config.yaml", "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nspec:\n  mtls:\n    enabled: true\n    tokenValidators:\n      - name: jwks\n        options:\n          source: http://127.0.0.1:9/keys\n");
        await using var sentry = RunningSentry.Create(directory, "--config", directory["config.yaml"]);
        var running = sentry.RunAsync();
        await Eventually.TrueAsync(
            async () =>
            {
                try
                {
                    return (int)(await sentry.Http.GetAsync(sentry.Health)).StatusCode == 503;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            },
            "health says no");
        Assert.Contains(sentry.Log.Lines, l => l.Text.Contains("not ready yet: sentry-jwks-validator", StringComparison.Ordinal));
        Assert.False(running.IsCompleted);
    }

    [Fact]
    public async Task A_named_configuration_must_be_there()
    {
        await using var sentry = RunningSentry.Create(directory, "--config", directory["none.yaml"]);
        var error = await Assert.ThrowsAsync<ConfigurationException>(sentry.RunAsync);
        Assert.StartsWith($"loading default config. couldn't find config name \"{directory["none.yaml"]}\": ", error.Message);
    }

    [Theory]
    [InlineData("workloadCertTTL: soon", "error parsing WorkloadCertTTL duration: ")]
    [InlineData("allowedClockSkew: soon", "error parsing AllowedClockSkew duration: ")]
    public async Task A_duration_that_is_none_is_fatal(string line, string text)
    {
        directory.Write("config.yaml", $"apiVersion: dapr.io/v1alpha1\nkind: Configuration\nspec:\n  mtls:\n    enabled: true\n    {line}\n");
        await using var sentry = RunningSentry.Create(directory, "--config", directory["config.yaml"]);
        Assert.StartsWith(text, (await Assert.ThrowsAsync<ConfigurationException>(sentry.RunAsync)).Message);
    }

    [Theory]
    [InlineData("invalid mode: docker", "--mode", "docker")]
    [InlineData("jwt-issuer cannot be set when jwt-enabled is false", "--jwt-issuer", "x")]
    [InlineData("both OIDC TLS certificate and key must be provided if one is specified", "--oidc-server-tls-cert-file", "x")]
    [InlineData("oidc-server-tls-cert-file is required when OIDC HTTP server is enabled (unless oidc-server-tls-enabled is false)", "--jwt-enabled", "--oidc-enabled")]
    public void Flags_that_make_no_sense_are_refused(string text, params string[] flags)
        => Assert.Equal(text, Assert.Throws<OptionException>(() => new SentryFlags(_ => null).Parse(flags)).Message);

    [Fact]
    public void Flags_have_the_defaults_of_the_contract_and_take_one_dash_or_two()
    {
        var plain = new SentryFlags(_ => null).Parse([]);
        Assert.Equal(
            ("daprsystem", "/var/run/secrets/dapr.io/credentials", "localhost", 50001, 8080, 9090, "default"),
            (plain.Config, plain.Credentials, plain.TrustDomain, plain.Port, plain.HealthPort, plain.MetricsPort, plain.Namespace));
        Assert.Equal("spiffe://localhost/ns/default/dapr-sentry", plain.Id.ToString());
        Assert.Equal(("RS256", TimeSpan.FromHours(24), false), (plain.Jwt.Algorithm, plain.Jwt.Lifetime, plain.Jwt.Enabled));
        Assert.Null(plain.Oidc);

        var given = new SentryFlags(_ => null).Parse(["-port", "1", "--trust-domain=a.b", "-jwt-enabled", "-oidc-enabled", "-oidc-server-tls-enabled=false", "--oidc-path-prefix", "/x/"]);
        Assert.Equal((1, "a.b", "/x", 9080, "localhost"), (given.Port, given.TrustDomain, given.Oidc!.PathPrefix, given.Oidc.Port, given.Oidc.Address));
        Assert.Throws<FlagException>(() => new SentryFlags(_ => null).Parse(["--nonsense"]));
    }

    private static async Task<bool> RotateAsync(RunningSentry sentry, TextWriter output, TimeSpan? propagation = null, bool force = false)
    {
        await using var platform = new SelfHosted(sentry.Options, _ => null, TimeProvider.System);
        return await new RotateCommand(new RotateOptions(sentry.Options, propagation ?? TimeSpan.FromHours(1), force), platform, output, TimeProvider.System).RunAsync(Token);
    }
}
