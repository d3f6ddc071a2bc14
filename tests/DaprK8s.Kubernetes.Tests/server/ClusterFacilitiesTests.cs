using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using DaprK8s.Kubernetes.Tests.Support;
using DaprK8s.KubernetesApi;

namespace DaprK8s.Kubernetes.Tests.Server;

/// <summary>What a stand-in for a whole cluster needs of the test API server: addresses, watches in process, tables and lists as informers ask for them.</summary>
public sealed class ClusterFacilitiesTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_listens_where_it_is_told_under_all_names_that_pods_use()
    {
        await using var server = await KubernetesApiServer.StartAsync(new KubernetesApiOptions
        {
            Addresses = [IPAddress.Parse("127.0.0.2"), IPAddress.Loopback],
            ServerNames = ["api.test"],
        });
        Assert.Equal("127.0.0.2", server.Address.Host);
        using var api = new ApiClient(server);
        await api.GetAsync("/api/v1/namespaces");
        foreach (var name in (string[])["kubernetes.default.svc", "api.test", "10.96.0.1", "127.0.0.1"])
        {
            var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.ImportFromPem(server.AuthorityPem);
            using var handler = new SocketsHttpHandler
            {
                SslOptions = { CertificateChainPolicy = policy },
                ConnectCallback = async (_, cancellationToken) =>
                {
                    var socket = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
                    await socket.ConnectAsync(IPAddress.Loopback, server.Address.Port, cancellationToken);
                    return new System.Net.Sockets.NetworkStream(socket, true);
                },
            };
            using var http = new HttpClient(handler);
            Assert.Equal("ok", await http.GetStringAsync(new Uri($"https://{name}:{server.Address.Port}/readyz"), Stop));
        }
    }

    [Fact]
    public async Task A_watch_in_process_tells_all_in_order_also_past_an_expired_history()
    {
        await using var server = await KubernetesApiServer.StartAsync(new KubernetesApiOptions());
        server.Objects.Put(Map("a", "1"));
        var told = new List<string>();
        await foreach (var change in server.Objects.WatchAsync("configmaps", Stop))
        {
            told.Add($"{change.Kind} {change.Name}");
            switch (told.Count)
            {
                case 1:
                    server.Objects.Put(Map("b", "1"));
                    server.Objects.Put(Map("b", "2"));
                    server.Objects.Delete("configmaps", "default", "a");
                    break;
                case 4:
                    server.ExpireHistory();
                    server.Objects.Put(Map("c", "1"));
                    break;
            }

            if (change.Name == "c")
            {
                break;
            }
        }

        Assert.Equal(["Added a", "Added b", "Modified b", "Deleted a"], told[..4]);
        Assert.EndsWith("c", told[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_watch_that_wants_to_begin_with_what_is_there_is_told_where_that_ends()
    {
        await using var server = await KubernetesApiServer.StartAsync(new KubernetesApiOptions());
        server.Objects.Put(Map("a", "1"));
        using var api = new ApiClient(server);
        using var response = await api.Http.GetAsync(
            "/api/v1/configmaps?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true", HttpCompletionOption.ResponseHeadersRead, Stop);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(Stop));
        Assert.Equal("ADDED", (string?)JsonNode.Parse((await reader.ReadLineAsync(Stop))!)!["type"]);
        var end = JsonNode.Parse((await reader.ReadLineAsync(Stop))!)!;
        Assert.Equal("BOOKMARK", (string?)end["type"]);
        Assert.Equal("true", (string?)end["object"]!["metadata"]!["annotations"]!["k8s.io/initial-events-end"]);
    }

    [Fact]
    public async Task An_event_of_either_group_is_an_event_of_both()
    {
        await using var server = await KubernetesApiServer.StartAsync(new KubernetesApiOptions());
        using var api = new ApiClient(server);
        await api.PostAsync("/apis/events.k8s.io/v1/namespaces/default/events", """
            {"metadata":{"name":"e"},"regarding":{"kind":"Pod","name":"p"},"note":"failed","reason":"Bad","type":"Warning","reportingController":"c"}
            """);
        var core = await api.GetAsync("/api/v1/namespaces/default/events/e");
        Assert.Equal("failed", (string?)core["message"]);
        Assert.Equal("p", (string?)core["involvedObject"]!["name"]);
        var listed = await api.GetAsync("/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Dp");
        Assert.Single(listed["items"]!.AsArray());
        Assert.Equal("failed", (string?)(await api.GetAsync("/apis/events.k8s.io/v1/namespaces/default/events/e"))["note"]);
    }

    [Fact]
    public async Task Writes_at_the_same_time_all_happen_when_none_names_a_version()
    {
        await using var server = await KubernetesApiServer.StartAsync(new KubernetesApiOptions());
        server.Objects.Put(Map("m", "0"));
        using var api = new ApiClient(server);
        await Task.WhenAll(Enumerable.Range(0, 16).Select(i => api.MergeAsync("/api/v1/namespaces/default/configmaps/m", $$$"""{"data":{"k{{{i}}}":"x"} }""")));
        Assert.Equal(17, server.Objects.Find("configmaps", "default", "m")!.Value.GetProperty("data").EnumerateObject().Count());
    }

    [Fact]
    public async Task Pods_and_services_are_reached_through_it()
    {
        await using var server = await KubernetesApiServer.StartAsync(new KubernetesApiOptions());
        await using var app = await WebhookServer.StartAsync("app");
        app.Answers["/call/it"] = r => new JsonObject { ["heard"] = r["said"]!.DeepClone() };
        server.Objects.Put("""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[]},"status":{"podIP":"127.0.0.1"} }""");
        server.Objects.Put("""{"apiVersion":"v1","kind":"Service","metadata":{"name":"s"},"spec":{"ports":[{"name":"web","port":80}]} }""");
        using var api = new ApiClient(server);
        const string said = """{"apiVersion":"a","kind":"b","request":{"uid":"1","said":"hello"} }""";
        var byPod = await api.PostAsync($"/api/v1/namespaces/default/pods/https:p:{app.Endpoint.Port}/proxy/call/it", said, HttpStatusCode.OK);
        Assert.Equal("hello", (string?)byPod["response"]!["heard"]);
        await api.PostAsync("/api/v1/namespaces/default/services/https:s:web/proxy/call/it", said, HttpStatusCode.ServiceUnavailable);
        server.Services.Register("default", "s", 80, app.Endpoint);
        await api.PostAsync("/api/v1/namespaces/default/services/https:s:web/proxy/call/it?x=y", said, HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_field_that_a_kind_is_not_selected_by_is_refused()
    {
        await using var server = await KubernetesApiServer.StartAsync(new KubernetesApiOptions { WithDaprKinds = true });
        using var api = new ApiClient(server);
        await api.GetAsync("/api/v1/pods?fieldSelector=spec.nodeName%3Dn,status.phase!%3DRunning");
        var refused = await api.GetAsync("/apis/dapr.io/v1alpha1/components?fieldSelector=spec.type%3Dx", HttpStatusCode.BadRequest);
        Assert.Equal("field label not supported: spec.type", (string?)refused["message"]);
    }

    [Fact]
    public async Task Nulls_of_built_in_kinds_are_as_good_as_absent_and_a_service_keeps_its_address()
    {
        await using var server = await KubernetesApiServer.StartAsync(new KubernetesApiOptions());
        using var api = new ApiClient(server);
        const string path = "/api/v1/namespaces/default/services";
        var made = await api.PostAsync(path, """{"metadata":{"name":"s","annotations":null,"creationTimestamp":null},"spec":{"selector":null,"ports":[{"port":80,"name":null}]} }""");
        Assert.False(made["metadata"]!.AsObject().ContainsKey("annotations"));
        Assert.False(made["spec"]!.AsObject().ContainsKey("selector"));
        var replaced = await api.PutAsync($"{path}/s", """{"metadata":{"name":"s"},"spec":{"ports":[{"port":81}]} }""");
        Assert.Equal((string?)made["spec"]!["clusterIP"], (string?)replaced["spec"]!["clusterIP"]);
    }

    [Fact]
    public async Task What_was_invalid_before_does_not_stop_a_change_of_something_else()
    {
        await using var server = await KubernetesApiServer.StartAsync(new KubernetesApiOptions());
        server.Objects.Put("""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[]}}""");
        using var api = new ApiClient(server);
        await api.MergeAsync("/api/v1/namespaces/default/pods/p", """{"metadata":{"labels":{"a":"b"}}}""");
        await api.MergeAsync("/api/v1/namespaces/default/pods/p", """{"metadata":{"labels":{"a":"not a label!"}}}""", HttpStatusCode.UnprocessableEntity);
    }

    private static string Map(string name, string value) => $$$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{{{name}}}"},"data":{"v":"{{{value}}}"} }""";
}
