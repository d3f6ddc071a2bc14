using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using DaprK8s.EndToEnd.Tests.Fixture;
using Grpc.Core;

namespace DaprK8s.EndToEnd.Tests.Security;

/// <summary>Sidecars that trust each other by certificate, and peers that are not to be trusted.</summary>
public sealed class MutualTlsTests
{
    private static readonly TimeSpan ShortLife = TimeSpan.FromSeconds(4);

    [Fact]
    public async Task Two_sidecars_call_each_other_and_the_identity_is_asked_for_as_the_contract_says()
    {
        await using var sentry = await TestSentry.StartAsync();
        await using var app = await HttpApp.StartAsync(a => a.On("POST /hello", Reply.Ok));
        await using var callee = await sentry.Secure(Daprd.With(app: app)).StartAsync(Until.Ready);
        await using var caller = await sentry.Secure(Daprd.With(flags: ["--sentry-request-jwt-audiences", "one,two"])).StartAsync(Until.Ready);

        using var answer = await caller.Http.PostAsync($"/v1.0/invoke/{callee.AppId}/method/hello", new StringContent("x"));

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var request = Assert.Single(sentry.Requests, r => r.Id == caller.AppId);
        Assert.Equal(("default", "", ""), (request.Namespace, request.Token, request.TrustDomain));
        Assert.Equal(["one", "two"], request.JwtAudiences);
        Assert.StartsWith("-----BEGIN CERTIFICATE REQUEST-----", request.CertificateSigningRequest.ToStringUtf8());
        Assert.Contains($"dapr_runtime_mtls_init_total{{app_id=\"{caller.AppId}\"}} 1", await caller.MetricsAsync());
    }

    [Fact]
    public async Task Services_of_gRPC_apps_are_passed_through()
    {
        await using var sentry = await TestSentry.StartAsync();
        await using var app = await GrpcApp.StartAsync();
        await using var callee = await sentry.Secure(Daprd.With(app: app)).StartAsync(Until.Ready);
        await using var caller = await sentry.Secure(Daprd.With()).StartAsync(Until.Ready);

        var reply = await new Echo.Echo.EchoClient(caller.Channel).UnaryAsync(
            new Echo.EchoRequest { Text = "t" }, new Metadata { { "dapr-app-id", callee.AppId } });

        Assert.Equal("t", reply.Text);
    }

    [Fact]
    public async Task The_internal_port_shows_the_identity_and_demands_one()
    {
        await using var sentry = await TestSentry.StartAsync();
        await using var daprd = await sentry.Secure(Daprd.With()).StartAsync(Until.Ready);

        var shown = await HandshakeAsync(daprd.InternalPort, sentry.Authority.Present("spiffe://any/ns/other/stranger"));
        await Assert.ThrowsAnyAsync<Exception>(() => HandshakeAsync(daprd.InternalPort, null));

        Assert.Equal($"URL=spiffe://public/ns/default/{daprd.AppId}", Names(shown));
        Assert.Equal("1.2.840.10045.2.1", shown.PublicKey.Oid.Value);
        await daprd.Log.WaitForAsync("refused: it presented no certificate");
    }

    public static TheoryData<string, string> BadPeers => new()
    {
        { "another root", "is not valid under the trust anchors" },
        { "expired", "NotTimeValid" },
        { "authority", "is no identity" },
        { "no id", "the certificate names no SPIFFE ID" },
        { "two ids", "the certificate names several URIs" },
    };

    [Theory]
    [MemberData(nameof(BadPeers))]
    public async Task A_peer_without_a_good_certificate_is_refused_and_the_log_says_why(string kind, string reason)
    {
        await using var sentry = await TestSentry.StartAsync();
        await using var daprd = await sentry.Secure(Daprd.With()).StartAsync(Until.Ready);
        using var stranger = new TestAuthority("stranger");
        const string Id = "spiffe://public/ns/default/peer";
        var context = kind switch
        {
            "another root" => stranger.Present(Id),
            "expired" => sentry.Authority.Present([Id], TimeSpan.FromMinutes(-1)),
            "authority" => sentry.Authority.Present([Id], TimeSpan.FromHours(1), isAuthority: true),
            "no id" => sentry.Authority.Present(),
            _ => sentry.Authority.Present(Id, "spiffe://public/ns/default/other"),
        };

        await Assert.ThrowsAnyAsync<Exception>(() => HandshakeAsync(daprd.InternalPort, context));

        var line = await daprd.Log.WaitForAsync("Connection from 127.0.0.1");
        Assert.Contains(reason, line);
    }

    [Fact]
    public async Task Clear_text_on_the_internal_port_is_refused()
    {
        await using var sentry = await TestSentry.StartAsync();
        await using var app = await HttpApp.StartAsync(a => a.On("POST /hello", Reply.Ok));
        await using var callee = await sentry.Secure(Daprd.With(app: app)).StartAsync(Until.Ready);
        await using var caller = await Daprd.With().StartAsync(Until.Ready);

        using var answer = await caller.Http.PostAsync($"/v1.0/invoke/{callee.AppId}/method/hello", new StringContent("x"));

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.DoesNotContain(app.Requests.All, r => r.Path == "/hello");
        await callee.Log.WaitForAsync("is mTLS on there, and are its trust anchors ours?");
    }

    [Fact]
    public async Task A_sidecar_with_mTLS_does_not_call_one_without()
    {
        await using var sentry = await TestSentry.StartAsync();
        await using var app = await HttpApp.StartAsync(a => a.On("POST /hello", Reply.Ok));
        await using var callee = await Daprd.With(app: app).StartAsync(Until.Ready);
        await using var caller = await sentry.Secure(Daprd.With()).StartAsync(Until.Ready);

        using var answer = await caller.Http.PostAsync($"/v1.0/invoke/{callee.AppId}/method/hello", new StringContent("x"));

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Contains("is mTLS on there", await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Sidecars_of_two_roots_refuse_each_other()
    {
        await using var sentry = await TestSentry.StartAsync();
        await using var other = await TestSentry.StartAsync(s => s.Authority = new TestAuthority("other"));
        await using var app = await HttpApp.StartAsync(a => a.On("POST /hello", Reply.Ok));
        await using var callee = await sentry.Secure(Daprd.With(app: app)).StartAsync(Until.Ready);
        await using var caller = await other.Secure(Daprd.With()).StartAsync(Until.Ready);

        using var answer = await caller.Http.PostAsync($"/v1.0/invoke/{callee.AppId}/method/hello", new StringContent("x"));

        Assert.Contains("is not valid under the trust anchors", await answer.Content.ReadAsStringAsync());
        await callee.Log.WaitForAsync("is not valid under the trust anchors");
    }

    [Fact]
    public async Task A_sidecar_that_holds_another_apps_address_is_not_called()
    {
        // Both say to be "victim" to the name resolution, but only one has the identity.
        await using var sentry = await TestSentry.StartAsync(s => s.Identify = r => $"spiffe://public/ns/{r.Namespace}/" + (r.Id == "victim" ? "thief" : r.Id));
        await using var app = await HttpApp.StartAsync(a => a.On("POST /hello", Reply.Ok));
        await using var thief = await sentry.Secure(Daprd.With(appId: "victim", app: app)).StartAsync(Until.Ready);
        await using var caller = await sentry.Secure(Daprd.With()).StartAsync(Until.Ready);

        using var answer = await caller.Http.PostAsync("/v1.0/invoke/victim/method/hello", new StringContent("x"));

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Contains("unexpected SPIFFE ID", await answer.Content.ReadAsStringAsync());
        Assert.DoesNotContain(app.Requests.All, r => r.Path == "/hello");
    }

    [Fact]
    public async Task While_sentry_is_away_at_start_the_sidecar_waits_and_is_not_ready()
    {
        await using var sentry = TestSentry.Stopped();
        await using var daprd = await sentry.Secure(Daprd.With()).StartAsync(Until.Started);

        await daprd.Log.WaitForAsync("Waiting for an identity, attempt 1 failed");
        using var health = await daprd.Http.GetAsync("/v1.0/healthz");
        using var outbound = await daprd.Http.GetAsync("/v1.0/healthz/outbound");
        await sentry.StartAsync();
        await daprd.WaitUntilReadyAsync();

        Assert.Equal((HttpStatusCode.InternalServerError, HttpStatusCode.InternalServerError), (health.StatusCode, outbound.StatusCode));
        Assert.Contains("security-provider", await health.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task What_sentry_refuses_ends_the_process_with_the_reason()
    {
        await using var sentry = await TestSentry.StartAsync(s => s.Refuse = _ => new Status(StatusCode.PermissionDenied, "app-id mismatch. expected: a, received: b"));

        var (code, log) = await sentry.Secure(Daprd.With()).RunAsync();

        Assert.Equal(1, code);
        Assert.True(log.Contains("failed to retrieve the initial identity: error from sentry SignCertificate: PermissionDenied: app-id mismatch"), log.ToString());
    }

    [Fact]
    public async Task Only_sentry_is_taken_for_sentry()
    {
        await using var impostor = await TestSentry.StartAsync(s => s.OwnId = "spiffe://localhost/ns/default/dapr-operator");
        await using var daprd = await impostor.Secure(Daprd.With()).StartAsync(Until.Started);

        await daprd.Log.WaitForAsync("dapr-operator\\\", expected spiffe://localhost/ns/default/dapr-sentry");

        Assert.Empty(impostor.Requests);
    }

    [Fact]
    public async Task Certificates_are_renewed_under_load_without_a_failed_call_and_sentry_may_go_away_meanwhile()
    {
        await using var sentry = await TestSentry.StartAsync(s => s.Life = ShortLife);
        await using var app = await HttpApp.StartAsync(a => a.On("POST /hello", Reply.Ok));
        await using var callee = await sentry.Secure(Daprd.With(app: app)).StartAsync(Until.Ready);
        await using var caller = await sentry.Secure(Daprd.With()).StartAsync(Until.Ready);
        using var done = new CancellationTokenSource();
        var load = Enumerable.Range(0, 4).Select(_ => LoadAsync(caller, callee.AppId, done.Token)).ToArray();

        await Renewals.AtLeastAsync(3, caller, callee);
        await sentry.StopAsync();
        await caller.Log.WaitForAsync("Failed to renew the workload certificate, going on with the one that");
        await sentry.StartAsync();
        await Renewals.MoreAsync(1, caller, callee);
        await done.CancelAsync();

        Assert.True((await Task.WhenAll(load)).Sum() > 100);
        Assert.Contains("workload_cert_rotated_fail_total", await caller.MetricsAsync());
    }

    [Fact]
    public async Task A_root_is_replaced_while_calls_flow()
    {
        await using var sentry = await TestSentry.StartAsync(s => s.Life = ShortLife);
        await using var app = await HttpApp.StartAsync(a => a.On("POST /hello", Reply.Ok));
        await using var callee = await sentry.Secure(Daprd.With(app: app)).StartAsync(Until.Ready);
        await using var caller = await sentry.Secure(Daprd.With()).StartAsync(Until.Ready);
        using var done = new CancellationTokenSource();
        var load = Enumerable.Range(0, 2).Select(_ => LoadAsync(caller, callee.AppId, done.Token)).ToArray();
        var old = sentry.Authority;
        using var next = new TestAuthority("next");

        sentry.AnchorsPem = old.RootPem + next.RootPem;
        await Renewals.MoreAsync(2, caller, callee); // The one under way may have been asked for before.
        sentry.Authority = next;
        await Renewals.MoreAsync(2, caller, callee); // The one under way may have been asked for before.
        sentry.AnchorsPem = next.RootPem;
        await Renewals.MoreAsync(2, caller, callee); // The one under way may have been asked for before.

        // New connections, under the new root alone.
        await using var late = await sentry.Secure(Daprd.With()).StartAsync(Until.Ready);
        using var answer = await late.Http.PostAsync($"/v1.0/invoke/{callee.AppId}/method/hello", new StringContent("x"));
        await Assert.ThrowsAnyAsync<Exception>(() => HandshakeAsync(callee.InternalPort, old.Present("spiffe://public/ns/default/peer")));
        await done.CancelAsync();

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.True((await Task.WhenAll(load)).Sum() > 50);
    }

    [Fact]
    public async Task Without_anchors_or_an_address_of_sentry_the_start_fails_with_what_to_do()
    {
        var (code, log) = await Daprd.With(flags: ["--enable-mtls", "--sentry-address", "127.0.0.1:1"]).RunAsync();
        var (other, otherLog) = await Daprd.With(flags: ["--enable-mtls"]).RunAsync();
        var (third, thirdLog) = await Daprd.With(
            flags: ["--enable-mtls", "--sentry-address", "127.0.0.1:1"], env: new Dictionary<string, string> { ["DAPR_TRUST_ANCHORS"] = "no PEM" }).RunAsync();

        Assert.Equal((1, 1, 1), (code, other, third));
        Assert.True(log.Contains("trust anchors are required"), log.ToString());
        Assert.True(otherLog.Contains("--sentry-address"), otherLog.ToString());
        Assert.True(thirdLog.Contains("trust anchors hold no certificate"), thirdLog.ToString());
    }

    // Calls until told to end; each must succeed.
    private static async Task<int> LoadAsync(Daprd caller, string target, CancellationToken end)
    {
        var calls = 0;
        for (; !end.IsCancellationRequested; calls++)
        {
            using var answer = await caller.Http.PostAsync($"/v1.0/invoke/{target}/method/hello", new StringContent("x"), CancellationToken.None);
            Assert.True(answer.StatusCode == HttpStatusCode.OK, $"call {calls}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync(CancellationToken.None)}");
        }

        return calls;
    }

    // Completes only when the server has taken the client's certificate, which TLS 1.3 tells a client no earlier than with its first bytes.
    private static async Task<X509Certificate2> HandshakeAsync(int port, SslStreamCertificateContext? present)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, port);
        await using var tls = new SslStream(socket.GetStream());
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "any",
            ClientCertificateContext = present,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ApplicationProtocols = [SslApplicationProtocol.Http2],
            RemoteCertificateValidationCallback = (_, _, _, _) => true,
        });
        await tls.WriteAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray());
        await tls.WriteAsync(new byte[] { 0, 0, 0, 4, 0, 0, 0, 0, 0 });
        Assert.True(await tls.ReadAsync(new byte[9]) > 0, "the server closed the connection");
        return new X509Certificate2(tls.RemoteCertificate!);
    }

    private static string Names(X509Certificate2 certificate)
        => certificate.Extensions["2.5.29.17"]!.Format(multiLine: false).Replace("URI:", "URL=", StringComparison.Ordinal);
}
