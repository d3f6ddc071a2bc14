using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DaprK8s.EndToEnd.Tests.Fixture;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace DaprK8s.EndToEnd.Tests.Invocation;

/// <summary>Targets outside of Dapr: URLs and HTTPEndpoint resources.</summary>
public sealed class ExternalTargetTests
{
    [Theory]
    [InlineData("http://127.0.0.1:{0}")]
    [InlineData("http%3A%2F%2F127.0.0.1%3A{0}")]
    [InlineData("http:/127.0.0.1:{0}")]
    public async Task A_URL_is_called_without_anything_of_Dapr(string form)
    {
        await using var service = await HttpApp.StartAsync(a => a.On("*", r => Reply.Of(201, r.Target + " " + r.Text).With("X-Own", "own")));
        await using var daprd = await Daprd.With(env: new Dictionary<string, string> { ["APP_API_TOKEN"] = "secret" }).StartAsync();
        var target = string.Format(System.Globalization.CultureInfo.InvariantCulture, form, service.Port);
        using var request = new HttpRequestMessage(HttpMethod.Put, HttpPair.AsWritten(daprd, $"/v1.0/invoke/{target}/method/a/b?q=%20"));
        request.Content = new StringContent("body");
        request.Headers.Add("dapr-api-token", "token-of-a-client");
        request.Headers.Add("dapr-caller-app-id", "forged");
        request.Headers.Add("X-Kept", "kept");

        using var response = await daprd.Http.SendAsync(request);

        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal("/a/b?q=%20 body", await response.Content.ReadAsStringAsync());
        Assert.Equal(["own"], response.Headers.GetValues("X-Own"));
        var seen = Assert.Single(service.Requests.All);
        Assert.Equal("kept", seen.Header("X-Kept"));
        Assert.DoesNotContain(seen.Headers.Keys, k => k.StartsWith("dapr-", StringComparison.OrdinalIgnoreCase) || k.Contains("orwarded", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Redirects_are_followed_for_resources_and_not_for_URLs()
    {
        await using var service = await HttpApp.StartAsync(a => a.On("/from", Reply.Of(302).With("Location", "/to")).On("/to", Reply.Of(200, "there")));
        await using var daprd = await Daprd.With(resources: Endpoint("named", $"http://127.0.0.1:{service.Port}")).StartAsync();

        using var named = await daprd.Http.GetAsync("/v1.0/invoke/named/method/from");
        using var direct = await daprd.Http.GetAsync($"/v1.0/invoke/http://127.0.0.1:{service.Port}/method/from");

        Assert.Equal("there", await named.Content.ReadAsStringAsync());
        Assert.Equal(HttpStatusCode.Redirect, direct.StatusCode);
        Assert.Equal("/to", direct.Headers.Location?.OriginalString);
    }

    [Fact]
    public async Task Headers_of_a_resource_replace_those_of_the_request_and_may_be_secrets()
    {
        await using var service = await HttpApp.StartAsync(a => a.On("*", r => Reply.Of(200, r.Target)));
        var secrets = Path.Combine(TestScope.Current.RuntimeDirectory, "secrets.json");
        await File.WriteAllTextAsync(secrets, """{"header":{"value":"from the store"}}""");
        var endpoint = Endpoint(
            "named", $"http://127.0.0.1:{service.Port}/base/",
            """
              headers:
              - name: X-Plain
                value: from the resource
              - name: X-Secret
                secretKeyRef:
                  name: header
                  key: value
            auth:
              secretStore: secrets
            """);
        await using var daprd = await Daprd
            .With(
                resources: Resource.All(endpoint, Resource.Component("secrets", "secretstores.local.file", ("secretsFile", secrets), ("multiValued", "true"))),
                env: new Dictionary<string, string> { ["APP_API_TOKEN"] = "app token" })
            .StartAsync(Until.Ready);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1.0/invoke/named/method/a?q=1") { Headers = { { "x-plain", "from the client" }, { "X-Kept", "kept" } } };

        using var response = await daprd.Http.SendAsync(request);

        Assert.Equal("/base/a?q=1", await response.Content.ReadAsStringAsync());
        var seen = Assert.Single(service.Requests.All);
        Assert.Equal(["from the resource"], seen.Headers["X-Plain"]);
        Assert.Equal(["from the store"], seen.Headers["X-Secret"]);
        Assert.Equal("kept", seen.Header("X-Kept"));
        Assert.Null(seen.Header("dapr-api-token"));
        Assert.DoesNotContain(daprd.Log.All, l => l.Contains("from the store", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_private_root_is_trusted_by_the_resource_that_names_it_and_by_nobody_else()
    {
        var (root, server, client) = Certificates();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(new HttpsConnectionAdapterOptions
        {
            ServerCertificate = server,
            ClientCertificateMode = ClientCertificateMode.AllowCertificate,
            ClientCertificateValidation = (_, _, _) => true,
        })));
        await using var service = builder.Build();
        service.Run(async context => await context.Response.WriteAsync((await context.Connection.GetClientCertificateAsync())?.Subject ?? "nobody"));
        await service.StartAsync();
        var url = $"https://localhost:{new Uri(service.Urls.First()).Port}";
        var trusting = Endpoint("trusting", url, $"  clientTLS:\n    rootCA:\n      value: |\n{Indent(root)}");
        var known = Endpoint(
            "known", url,
            $"  clientTLS:\n    rootCA:\n      value: |\n{Indent(root)}\n    certificate:\n      value: |\n{Indent(client.ExportCertificatePem())}\n    privateKey:\n      value: |\n{Indent(client.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem())}");
        await using var daprd = await Daprd.With(resources: Resource.All(trusting, known, Endpoint("plain", url))).StartAsync();

        foreach (var (target, seen) in new[] { ("trusting", "nobody"), ("known", "CN=client") })
        {
            using var trusted = await daprd.Http.GetAsync($"/v1.0/invoke/{target}/method/x");
            Assert.Equal(seen, await trusted.Content.ReadAsStringAsync());
        }

        foreach (var target in new[] { "plain", url })
        {
            using var refused = await daprd.Http.GetAsync($"/v1.0/invoke/{target}/method/x");
            Assert.Equal(HttpStatusCode.InternalServerError, refused.StatusCode);
            Assert.Contains("tls: ", await refused.Content.ReadAsStringAsync());
        }

        Assert.DoesNotContain(daprd.Log.All, l => l.Contains("PRIVATE KEY", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_resource_that_is_wrong_is_left_out_and_the_others_are_not()
    {
        await using var service = await HttpApp.StartAsync(a => a.On("*", Reply.Of(200, "good")));
        await using var daprd = await Daprd
            .With(resources: Resource.All(
                Endpoint("bad-url", "not a url"),
                Endpoint("bad-root", "https://localhost:1", "  clientTLS:\n    rootCA:\n      value: nonsense"),
                Endpoint("bad-renegotiation", "https://localhost:1", "  clientTLS:\n    renegotiation: Sometimes"),
                Endpoint("good", $"http://127.0.0.1:{service.Port}")))
            .StartAsync(Until.Ready);

        Assert.Equal("good", await daprd.Http.GetStringAsync("/v1.0/invoke/good/method/x"));
        Assert.NotEmpty(daprd.Log.With("failed to add root cert to cert pool for http endpoint bad-root"));
        Assert.NotEmpty(daprd.Log.With("invalid renegotiation value Sometimes for http endpoint bad-renegotiation"));
        Assert.NotEmpty(daprd.Log.With("not a url"));
    }

    [Fact]
    public async Task A_service_that_is_not_there_is_an_error_that_says_so()
    {
        await using var daprd = await Daprd.With(resources: Endpoint("away", $"http://127.0.0.1:{Ports.Take()}")).StartAsync();

        using var response = await daprd.Http.GetAsync("/v1.0/invoke/away/method/x");

        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        Assert.Contains("ERR_DIRECT_INVOKE", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_service_is_reached_from_gRPC_as_well()
    {
        await using var service = await HttpApp.StartAsync(a => a.On("PUT /a", r => Reply.Of(200, r.Query + r.Text)));
        await using var daprd = await Daprd.With(resources: Endpoint("named", $"http://127.0.0.1:{service.Port}")).StartAsync();

        var reply = await daprd.Grpc.InvokeServiceAsync(new()
        {
            Id = "named",
            Message = new() { Method = "a", Data = new() { Value = Google.Protobuf.ByteString.CopyFromUtf8("body") }, HttpExtension = new() { Verb = DaprK8s.Protos.Common.V1.HTTPExtension.Types.Verb.Put, Querystring = "q=1" } },
        });

        Assert.Equal("q=1body", reply.Data.Value.ToStringUtf8());
    }

    private static string Endpoint(string name, string url, string more = "")
        => $"apiVersion: dapr.io/v1alpha1\nkind: HTTPEndpoint\nmetadata:\n  name: {name}\nspec:\n  baseUrl: \"{url}\"\n{more}\n";

    private static string Indent(string pem) => string.Join('\n', pem.Split('\n').Select(l => "        " + l));

    private static (string Root, X509Certificate2 Server, X509Certificate2 Client) Certificates()
    {
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var rootRequest = new CertificateRequest("CN=private root", rootKey, HashAlgorithmName.SHA256);
        rootRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var root = rootRequest.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));

        X509Certificate2 Issue(string name, bool server)
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest("CN=" + name, key, HashAlgorithmName.SHA256);
            if (server)
            {
                var names = new SubjectAlternativeNameBuilder();
                names.AddDnsName("localhost");
                request.CertificateExtensions.Add(names.Build());
            }

            using var issued = request.Create(root, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1), Guid.NewGuid().ToByteArray());
            using var withKey = issued.CopyWithPrivateKey(key);
            return X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.Exportable);
        }

        return (root.ExportCertificatePem(), Issue("localhost", server: true), Issue("client", server: false));
    }
}
