using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using DaprK8s.Common.Identity;
using DaprK8s.Common.Identity.Jwt;
using DaprK8s.Protos.Sentry.V1;
using DaprK8s.Sentry.Ca;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging.Abstractions;
using TokenValidator = DaprK8s.Protos.Sentry.V1.SignCertificateRequest.Types.TokenValidator;

namespace DaprK8s.Sentry.Tests.Server;

/// <summary>Over a real socket.</summary>
public sealed class SigningTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => directory.Dispose();

    [Fact]
    public async Task A_workload_gets_a_certificate_that_openssl_verifies_the_anchors_and_its_end()
    {
        await using var sentry = await RunningSentry.StartAsync(directory);
        var before = DateTimeOffset.UtcNow;
        var answer = await sentry.Client.SignCertificateAsync(Request(), cancellationToken: Token);

        Assert.True(OpenSsl.Verifies(Encoding.ASCII.GetBytes(sentry.Anchors), answer.WorkloadCertificate.Span, DateTimeOffset.UtcNow));
        Assert.Equal(sentry.Anchors, Assert.Single(answer.TrustChainCertificates).ToStringUtf8());
        Assert.InRange(answer.ValidUntil.ToDateTimeOffset(), before.AddHours(24).AddSeconds(-1), DateTimeOffset.UtcNow.AddHours(24));
        var chain = CertificateList.Read(answer.WorkloadCertificate.Span, "answer");
        Assert.Equal(2, chain.Count);
        Assert.False(chain[1].IsSelfSigned());
        Assert.Equal("spiffe://public/ns/shop/orders", PeerCertificate.UriOf(chain[0]));
        Assert.Null(answer.Jwt);
        Assert.Empty(answer.PerAudienceJwts);
        Assert.Contains("dapr_sentry_cert_sign_request_received_total 1\n", await sentry.ScrapeAsync());
        Assert.Contains("dapr_sentry_cert_sign_success_total 1\n", await sentry.ScrapeAsync());
    }

    [Theory]
    [InlineData("ed25519")]
    [InlineData("rsa")]
    [InlineData("p384")]
    public async Task An_authority_of_the_users_signs_and_serves(string kind)
    {
        OpenSsl.CreateRoot(directory, "root", kind);
        OpenSsl.CreateIssuer(directory, "issuer", kind, "root");
        Directory.CreateDirectory(directory["credentials"]);
        await using var sentry = await RunningSentry.StartAsync(
            directory, "--issuer-ca-filename", directory["root.crt"], "--issuer-certificate-filename", directory["issuer.crt"], "--issuer-key-filename", directory["issuer.key"]);
        File.Copy(directory["root.crt"], directory["credentials/ca.crt"]);
        var answer = await sentry.Client.SignCertificateAsync(Request(OpenSsl.CreateRequest("ed25519")), cancellationToken: Token);

        Assert.True(OpenSsl.Verifies(File.ReadAllBytes(directory["root.crt"]), answer.WorkloadCertificate.Span, DateTimeOffset.UtcNow));
        var words = OpenSsl.Run("s_client", "-connect", $"127.0.0.1:{sentry.Options.Port}", "-CAfile", directory["root.crt"], "-verify_return_error", "-alpn", "h2");
        Assert.Contains("Verify return code: 0 (ok)", words);
    }

    [Fact]
    public async Task Openssl_sees_sentrys_own_identity_and_no_demand_for_a_client_certificate()
    {
        await using var sentry = await RunningSentry.StartAsync(directory);
        var words = OpenSsl.Run("s_client", "-connect", $"127.0.0.1:{sentry.Options.Port}", "-CAfile", directory["credentials/ca.crt"], "-verify_return_error", "-alpn", "h2", "-showcerts");

        Assert.Contains("Verify return code: 0 (ok)", words);
        Assert.Contains("ALPN protocol: h2", words);
        Assert.Contains("No client certificate CA names sent", words);
        Assert.Contains("URI:spiffe://cluster.local/ns/dapr-system/dapr-sentry", OpenSsl.Describe(Encoding.ASCII.GetBytes(words[words.IndexOf("-----BEGIN", StringComparison.Ordinal)..])));
        Assert.NotEqual(0, OpenSsl.TryRun("s_client", "-connect", $"127.0.0.1:{sentry.Options.Port}", "-CAfile", directory["credentials/ca.crt"], "-tls1_1").Code);
    }

    [Fact]
    public async Task Plaintext_gets_no_answer()
    {
        await using var sentry = await RunningSentry.StartAsync(directory);
        using var socket = new TcpClient();
        await socket.ConnectAsync("127.0.0.1", sentry.Options.Port, Token);
        await socket.GetStream().WriteAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray(), Token);
        var buffer = new byte[100];
        var count = await socket.GetStream().ReadAsync(buffer, Token);
        Assert.DoesNotContain("HTTP", Encoding.ASCII.GetString(buffer, 0, count));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_client_of_every_service_obtains_and_adopts_an_identity_over_a_connection_begun_before_or_not(bool isBegun)
    {
        await using var sentry = await RunningSentry.StartAsync(directory, "--jwt-enabled");
        await using var anchors = TrustAnchorSource.FromText(sentry.Anchors, TimeProvider.System, NullLogger.Instance);
        using var client = new SentryClient(
            new SentryClientOptions
            {
                Address = $"127.0.0.1:{sentry.Options.Port}", Sentry = sentry.Options.Id, AppId = "orders", Namespace = "shop",
                Token = new IdentityToken(isKubernetes: false, configured: null), JwtAudiences = ["bank"],
            },
            anchors,
            TimeProvider.System);
        if (isBegun)
        {
            client.BeginToConnect();
        }

        await using var source = new SvidSource(client, anchors, new NoSvidEvents(), TimeProvider.System, NullLogger.Instance);
        source.Start();
        var svid = await source.First.WaitAsync(TimeSpan.FromSeconds(30), Token);

        Assert.Equal("spiffe://public/ns/shop/orders", svid.Id.ToString());
        Assert.NotNull(svid.Jwt);
        Assert.Equal(["bank", "public"], svid.JwtByAudience.Keys.Order());
    }

    [Fact]
    public async Task Wishes_in_the_request_change_nothing()
    {
        await using var sentry = await RunningSentry.StartAsync(directory);
        var answer = await sentry.Client.SignCertificateAsync(Request(OpenSsl.CreateRequest(
            "p256", "-subj", "/CN=admin", "-addext", "basicConstraints=CA:TRUE", "-addext", "keyUsage=keyCertSign", "-addext", "extendedKeyUsage=codeSigning",
            "-addext", "subjectAltName=DNS:evil.example,URI:spiffe://cluster.local/ns/dapr-system/dapr-operator")), cancellationToken: Token);
        var words = OpenSsl.Describe(answer.WorkloadCertificate.Span);
        foreach (var wish in new[] { "admin", "evil", "dapr-operator", "CA:TRUE", "Code Signing", "Certificate Sign" })
        {
            Assert.DoesNotContain(wish, words);
        }
    }

    [Theory]
    [InlineData("dapr-injector", "dapr-system", "DNS:dapr-sidecar-injector.dapr-system.svc,")]
    [InlineData("dapr-operator", "dapr-system", "DNS:dapr-webhook.dapr-system.svc,")]
    [InlineData("dapr-scheduler", "dapr-system", "DNS:dapr-scheduler-server-2.dapr-scheduler-server.dapr-system.svc.")]
    [InlineData("dapr-injector", "other", null)]
    [InlineData("dapr-placement", "dapr-system", null)]
    public async Task Services_of_the_control_plane_get_their_names_in_its_namespace_only(string id, string ns, string? names)
    {
        await using var sentry = await RunningSentry.StartAsync(directory);
        var request = Request();
        (request.Id, request.Namespace, request.TrustDomain) = (id, ns, "cluster.local");
        var words = OpenSsl.Describe((await sentry.Client.SignCertificateAsync(request, cancellationToken: Token)).WorkloadCertificate.Span);

        Assert.Equal(names is not null, words.Contains("DNS:", StringComparison.Ordinal));
        Assert.Contains(names ?? "URI:", words);
        Assert.Contains($"URI:spiffe://cluster.local/ns/{ns}/{id}", words);
    }

    [Fact]
    public async Task Refusals_carry_the_codes_and_texts_of_the_contract_and_are_counted()
    {
        await using var sentry = await RunningSentry.StartAsync(directory);
        var cases = new (Action<SignCertificateRequest> Change, StatusCode Code, string Text)[]
        {
            (r => r.TokenValidator = TokenValidator.Kubernetes, StatusCode.InvalidArgument, "the requested validator is not enabled"),
            (r => r.TokenValidator = (TokenValidator)(-1), StatusCode.InvalidArgument, "the requested validator is not enabled"),
            (r => r.TokenValidator = (TokenValidator)99, StatusCode.InvalidArgument, "the requested validator is not enabled"),
            (r => r.CertificateSigningRequest = ByteString.Empty, StatusCode.PermissionDenied, "invalid request: CSR is required"),
            (r => r.Id = "", StatusCode.PermissionDenied, "invalid request: parameter app-id cannot be empty"),
            (r => r.TrustDomain = "No", StatusCode.PermissionDenied, SpiffeId.TrustDomainRule),
            (r => r.CertificateSigningRequest = ByteString.CopyFromUtf8("garbage"), StatusCode.InvalidArgument, "invalid certificate signing request"),
            (r => r.CertificateSigningRequest = ByteString.CopyFromUtf8("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----"),
                StatusCode.InvalidArgument, "failed to parse certificate signing request: "),
            (r => r.CertificateSigningRequest = ByteString.CopyFrom(new byte[100_000]), StatusCode.InvalidArgument, "invalid certificate signing request"),
            (r => r.Id = "a/b", StatusCode.Internal, "failed to sign certificate"),
            (r => r.Namespace = "..", StatusCode.Internal, "failed to sign certificate"),
        };
        foreach (var (change, code, text) in cases)
        {
            var request = Request();
            change(request);
            var error = await Assert.ThrowsAsync<RpcException>(async () => await sentry.Client.SignCertificateAsync(request, cancellationToken: Token));
            Assert.Equal(code, error.StatusCode);
            Assert.StartsWith(text, error.Status.Detail);
        }

        Assert.Contains($"dapr_sentry_cert_sign_failure_total{{reason=\"sign\"}} {cases.Length}\n", await sentry.ScrapeAsync());
        Assert.Contains("dapr_sentry_cert_sign_success_total 0\n", await sentry.ScrapeAsync());
    }

    [Fact]
    public async Task A_message_beyond_all_measure_and_an_unknown_method_are_refused_and_sentry_lives_on()
    {
        await using var sentry = await RunningSentry.StartAsync(directory);
        var huge = Request();
        huge.Token = new string('x', 2 << 20);
        Assert.Equal(
            StatusCode.ResourceExhausted,
            (await Assert.ThrowsAsync<RpcException>(async () => await sentry.Client.SignCertificateAsync(huge, cancellationToken: Token))).StatusCode);

        using var channel = sentry.Connect(out _);
        var method = new Method<SignCertificateRequest, SignCertificateResponse>(
            MethodType.Unary, "dapr.proto.sentry.v1.CA", "Revoke",
            Marshallers.Create(m => m.ToByteArray(), SignCertificateRequest.Parser.ParseFrom), Marshallers.Create(m => m.ToByteArray(), SignCertificateResponse.Parser.ParseFrom));
        Assert.Equal(
            StatusCode.Unimplemented,
            (await Assert.ThrowsAsync<RpcException>(async () => await channel.CreateCallInvoker().AsyncUnaryCall(method, null, default, Request()))).StatusCode);
        await sentry.Client.SignCertificateAsync(Request(), cancellationToken: Token);
    }

    [Fact]
    public async Task Tokens_come_for_the_trust_domain_and_each_audience()
    {
        await using var sentry = await RunningSentry.StartAsync(directory, "--jwt-enabled", "--jwt-issuer", "https://sentry");
        var request = Request();
        request.JwtAudiences.AddRange(["bank", "post"]);
        var answer = await sentry.Client.SignCertificateAsync(request, cancellationToken: Token);
        var keys = JsonWebKeySet.Parse(File.ReadAllBytes(directory["credentials/jwks.json"]));

        Assert.Equal(["public", "bank", "post"], JwtVerifier.Verify(answer.Jwt, keys, new JwtExpectations { Audiences = ["post"] }).Audiences);
        Assert.Equal(["bank", "post", "public"], answer.PerAudienceJwts.Keys.Order());
        foreach (var (audience, token) in answer.PerAudienceJwts)
        {
            var claims = JwtVerifier.Verify(token, keys, new JwtExpectations { Audiences = [audience], Issuer = "https://sentry", Subject = "spiffe://public/ns/shop/orders" });
            Assert.Equal([audience], claims.Audiences);
        }

        request.JwtAudiences.Add("");
        var error = await Assert.ThrowsAsync<RpcException>(async () => await sentry.Client.SignCertificateAsync(request, cancellationToken: Token));
        Assert.Equal((StatusCode.Internal, "failed to generate JWT: audience cannot be empty"), (error.StatusCode, error.Status.Detail));
    }

    [Fact]
    public async Task With_jwks_configured_a_request_must_name_it_and_bring_a_token()
    {
        var key = TestServers.TokenKey.Create("k", "RS256");
        directory.Write("config.yaml", $"apiVersion: dapr.io/v1alpha1\nkind: Configuration\nspec:\n  mtls:\n    enabled: true\n    tokenValidators:\n      - name: jwks\n        options:\n          source: {directory.Write("keys.json", TestServers.TokenKey.Set(key))}\n");
        await using var sentry = await RunningSentry.StartAsync(directory, "--config", directory["config.yaml"]);
        var request = Request();
        Assert.Equal("a validator name must be specified in this environment", (await RefusedAsync()).Status.Detail);
        request.TokenValidator = TokenValidator.Insecure;
        Assert.Equal("the requested validator is not enabled", (await RefusedAsync()).Status.Detail);
        request.TokenValidator = TokenValidator.Jwks;
        Assert.Equal("the request does not contain a token", (await RefusedAsync()).Status.Detail);
        request.Token = key.Sign(new System.Text.Json.Nodes.JsonObject { ["aud"] = sentry.Options.Id.ToString(), ["sub"] = "spiffe://public/ns/shop/orders" });
        await sentry.Client.SignCertificateAsync(request, cancellationToken: Token);

        Task<RpcException> RefusedAsync() => Assert.ThrowsAsync<RpcException>(async () => await sentry.Client.SignCertificateAsync(request, cancellationToken: Token));
    }

    [Fact]
    public async Task Lifetime_and_skew_come_from_the_configuration()
    {
        directory.Write("config.yaml", "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nspec:\n  mtls:\n    enabled: true\n    workloadCertTTL: 2h\n    allowedClockSkew: 3m\n");
        await using var sentry = await RunningSentry.StartAsync(directory, "--config", directory["config.yaml"]);
        var leaf = CertificateList.Read((await sentry.Client.SignCertificateAsync(Request(), cancellationToken: Token)).WorkloadCertificate.Span, "answer")[0];
        Assert.Equal(TimeSpan.FromMinutes(123), leaf.Ends() - leaf.Starts());
    }

    internal static SignCertificateRequest Request(byte[]? csr = null)
        => new() { Id = "orders", Namespace = "shop", CertificateSigningRequest = ByteString.CopyFrom(csr ?? Bundles.Request()) };

    private sealed class NoSvidEvents : ISvidEvents
    {
        public void Obtained(Svid svid, bool isFirst)
        {
        }

        public void Failed(string reason, bool isFirst)
        {
        }
    }
}
