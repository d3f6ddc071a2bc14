using DaprK8s.EndToEnd.Tests.ConfigurationApi;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.Protos.Runtime.V1;
using Google.Protobuf;

namespace DaprK8s.EndToEnd.Tests.Bindings;

/// <summary>Input bindings, with the Events of a namespace as the source (contract: messaging 4.2 to 4.6, api 3.6).</summary>
public sealed class InputBindingTests
{
    [Fact]
    public async Task An_http_app_that_answers_the_probe_gets_the_events()
    {
        await using var cluster = await SettingsCluster.StartAsync();
        cluster.PutEvent("first", "Pulled");
        await using var app = await HttpApp.StartAsync(a => a.On("OPTIONS /events", Reply.Ok).On("POST /events", Reply.Ok));
        await using var daprd = await Daprd.With(app: app, resources: Events(cluster)).StartAsync(Until.Ready);
        var got = Assert.Single(await app.Requests.WaitForAsync(1, r => r.Method == "POST"));
        Assert.Equal("application/json", got.Header("Content-Type"));
        Assert.Equal("add", got.Json.GetProperty("event").GetString());
        Assert.Equal("Pulled", got.Json.GetProperty("newVal").GetProperty("reason").GetString());
        Assert.NotNull(got.Header("traceparent"));

        cluster.PutEvent("first", "Started");
        var next = (await app.Requests.WaitForAsync(2, r => r.Method == "POST"))[1];
        Assert.Equal("update", next.Json.GetProperty("event").GetString());
        Assert.Contains("dapr_component_input_binding_count", await MetricsAsync(daprd), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(405, true)]
    [InlineData(204, true)]
    [InlineData(404, false)]
    [InlineData(500, false)]
    public async Task The_answer_to_the_probe_decides(int status, bool isRead)
    {
        await using var cluster = await SettingsCluster.StartAsync();
        await using var app = await HttpApp.StartAsync(a => a.On("OPTIONS /events", Reply.Of(status)).On("POST /events", Reply.Ok));
        await using var daprd = await Daprd.With(app: app, resources: Events(cluster)).StartAsync(Until.Ready);
        await daprd.Log.WaitForAsync(isRead ? "reading from input binding events" : "the app did not subscribe to binding events");
        cluster.PutEvent("first", "Pulled");
        if (isRead)
        {
            await app.Requests.WaitForAsync(1, r => r.Method == "POST");
        }
        else
        {
            Assert.Equal(0, cluster.Server.Faults.Count("watch", "events"));
        }
    }

    [Fact]
    public async Task A_direction_takes_the_place_of_the_probe_and_a_route_that_of_the_name()
    {
        await using var cluster = await SettingsCluster.StartAsync();
        cluster.PutEvent("first", "Pulled");
        await using var app = await HttpApp.StartAsync(a => a.On("POST /cluster/events", Reply.Ok));
        await using var daprd = await Daprd.With(app: app, resources: Events(cluster, ("Direction", " Output, INPUT "), ("route", "cluster/events"))).StartAsync(Until.Ready);
        await app.Requests.WaitForAsync(1, r => r.Path == "/cluster/events");
        Assert.DoesNotContain(app.Requests.All, r => r.Method == "OPTIONS");
    }

    [Fact]
    public async Task A_binding_for_output_alone_is_not_read()
    {
        await using var cluster = await SettingsCluster.StartAsync();
        await using var app = await HttpApp.StartAsync(a => a.On("OPTIONS /events", Reply.Ok).On("POST /events", Reply.Ok));
        await using var daprd = await Daprd.With(app: app, resources: Events(cluster, ("direction", "output"))).StartAsync(Until.Ready);
        await daprd.Log.WaitForAsync("the app did not subscribe to binding events");
        Assert.DoesNotContain(app.Requests.All, r => r.Method == "OPTIONS");
        Assert.Equal(0, cluster.Server.Faults.Count("watch", "events"));
    }

    [Fact]
    public async Task What_the_app_refuses_is_told_with_its_answer_and_the_next_event_follows()
    {
        await using var cluster = await SettingsCluster.StartAsync();
        cluster.PutEvent("first", "Pulled");
        await using var app = await HttpApp.StartAsync(a => a.On("OPTIONS /events", Reply.Ok).On("POST /events", Reply.Of(503, "not now")));
        await using var daprd = await Daprd.With(app: app, resources: Events(cluster)).StartAsync(Until.Ready);
        await daprd.Log.WaitForAsync("fails to send binding event to http app channel, status code: 503 body: not now");
        cluster.PutEvent("second", "Pulled");
        await app.Requests.WaitForAsync(2, r => r.Method == "POST");
    }

    [Fact]
    public async Task A_grpc_app_gets_the_events_of_the_bindings_that_it_lists()
    {
        await using var cluster = await SettingsCluster.StartAsync();
        cluster.PutEvent("first", "Pulled");
        var got = new Recording<BindingEventRequest>();
        await using var app = await GrpcApp.StartAsync(a =>
        {
            a.InputBindings = new ListInputBindingsResponse { Bindings = { "events" } };
            a.OnBindingEvent = (request, _) =>
            {
                got.Add(request);
                return Task.FromResult(new BindingEventResponse { Data = ByteString.CopyFromUtf8("ok") });
            };
        });
        await using var daprd = await Daprd.With(app: app, resources: Events(cluster)).StartAsync(Until.Ready);
        var received = Assert.Single(await got.WaitForAsync(1));
        Assert.Equal("events", received.Name);
        Assert.Contains("\"Pulled\"", received.Data.ToStringUtf8(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_grpc_app_that_lists_none_gets_none()
    {
        await using var cluster = await SettingsCluster.StartAsync();
        await using var app = await GrpcApp.StartAsync();
        await using var daprd = await Daprd.With(app: app, resources: Events(cluster)).StartAsync(Until.Ready);
        await daprd.Log.WaitForAsync("the app did not subscribe to binding events");
        Assert.Equal(0, cluster.Server.Faults.Count("watch", "events"));
    }

    private static string Events(SettingsCluster cluster, params (string Name, string Value)[] more)
        => SettingsCluster.Patient(
            Resource.Component("events", "bindings.kubernetes", [("namespace", "default"), ("kubeconfigPath", cluster.KubeConfig), .. more]));

    private static async Task<string> MetricsAsync(Daprd daprd)
    {
        using var http = new HttpClient();
        return await http.GetStringAsync($"http://127.0.0.1:{daprd.MetricsPort}/metrics");
    }
}
