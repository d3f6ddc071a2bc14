using System.Net;
using DaprK8s.EndToEnd.Tests.Fixture;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.EndToEnd.Tests.Invocation;

/// <summary>Several instances of an app: all are used, and the death of one is nobody's error.</summary>
public sealed class NameResolutionTests
{
    private static int databases;

    [Theory]
    [InlineData("registry")]
    [InlineData("mdns")]
    [InlineData("sqlite")]
    public async Task Calls_are_spread_over_all_instances(string resolver)
    {
        await using var cluster = await Cluster.StartAsync(Configuration(resolver));

        await Eventually.TrueAsync(async () => (await cluster.AskAsync(20)).Distinct().Order().SequenceEqual(["one", "two"]), "answers of both instances");

        Assert.All((await cluster.AskAsync(40)).CountBy(a => a), c => Assert.InRange(c.Value, 5, 35));
    }

    [Theory]
    [InlineData("registry")]
    [InlineData("sqlite")]
    public async Task The_death_of_an_instance_under_load_is_nobodys_error(string resolver)
    {
        await using var cluster = await Cluster.StartAsync(Configuration(resolver));
        await Eventually.TrueAsync(async () => (await cluster.AskAsync(20)).Distinct().Count() == 2, "answers of both instances");
        using var stop = new CancellationTokenSource();
        var answers = new Recording<string>();
        var load = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                answers.Add(await cluster.AskOnceAsync());
            }
        })).ToList();

        await answers.WaitForAsync(100);
        await cluster.One.KillAsync();
        var soFar = answers.Count;
        await answers.WaitForAsync(soFar + 300);
        Assert.All(answers.All.Skip(soFar + 100), a => Assert.Equal("two", a));

        await cluster.One.RestartAsync(Until.Ready);
        soFar = answers.Count;
        await Eventually.TrueAsync(() => answers.All.Skip(soFar).Contains("one"), "an answer of the instance that came back");
        await stop.CancelAsync();
        await Task.WhenAll(load);

        Assert.DoesNotContain(answers.All, a => a is not ("one" or "two"));
    }

    [Fact]
    public async Task A_call_waits_for_a_callee_that_restarts()
    {
        await using var app = await HttpApp.StartAsync(a => a.On("/x", r => Reply.Of(200, r.Text)));
        await using var callee = await Daprd.With(app: app).StartAsync(Until.Ready);
        await using var caller = await Daprd.With(
            config: Resource.Configuration($"nameResolution:\n  component: sqlite\n  configuration:\n    connectionString: {NewDatabase()}\n    updateInterval: 60s")).StartAsync();
        await using var watched = await Daprd.With(
            appId: "restarting", app: app,
            config: Resource.Configuration($"nameResolution:\n  component: sqlite\n  configuration:\n    connectionString: {LastDatabase()}\n    updateInterval: 60s")).StartAsync(Until.Ready);
        using var before = await caller.Http.PostAsync("/v1.0/invoke/restarting/method/x", new StringContent("before"));
        Assert.Equal(HttpStatusCode.OK, before.StatusCode);

        // Its row outlives it, so that it is called and not there.
        await watched.KillAsync();
        var waiting = caller.Http.PostAsync("/v1.0/invoke/restarting/method/x", new StringContent("after"));
        await watched.RestartAsync(Until.Ready);
        using var after = await waiting;

        Assert.Equal("after", await after.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_callee_that_stays_away_is_an_error_that_tells_of_the_attempts()
    {
        await using var app = await HttpApp.StartAsync();
        var config = Resource.Configuration($"nameResolution:\n  component: sqlite\n  configuration:\n    connectionString: {NewDatabase()}\n    updateInterval: 60s");
        await using var callee = await Daprd.With(app: app, config: config).StartAsync(Until.Ready);
        await using var caller = await Daprd.With(config: config).StartAsync();
        await callee.KillAsync();

        using var response = await caller.Http.GetAsync($"/v1.0/invoke/{callee.AppId}/method/x");
        using var streamed = await caller.Http.PostAsync($"/v1.0/invoke/{callee.AppId}/method/x", new PatternContent(10, chunked: true));

        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        Assert.Contains($"failed to invoke target {callee.AppId} after 3 retries. Error: ", await response.Content.ReadAsStringAsync());
        Assert.Equal(HttpStatusCode.InternalServerError, streamed.StatusCode);
        Assert.DoesNotContain("retries", await streamed.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_target_that_can_not_be_found_tells_what_was_tried_and_who_was_seen()
    {
        await using var other = await Daprd.With(appId: "somebody-else").StartAsync();
        await using var caller = await Daprd.With().StartAsync();

        using var response = await caller.Http.GetAsync("/v1.0/invoke/missing.ns/method/x");
        var text = await response.Content.ReadAsStringAsync();

        Assert.Contains("couldn't find service: missing", text);
        Assert.Contains("resolver returned empty address for app id ns/missing", text);
        Assert.Contains("tried ", text);
        Assert.Contains("mdns", text);
        Assert.Contains("local registry", text);
        Assert.Contains("somebody-else", text);
    }

    [Fact]
    public async Task Without_a_resolver_calls_of_others_fail_and_own_ones_do_not()
    {
        await using var app = await HttpApp.StartAsync(a => a.On("/x", Reply.Of(200, "own")));
        await using var daprd = await Daprd.With(app: app, config: Resource.Configuration("nameResolution:\n  component: nonsense")).StartAsync(Until.Ready);

        using var other = await daprd.Http.GetAsync("/v1.0/invoke/other/method/x");

        Assert.Contains("name resolver not initialized", await other.Content.ReadAsStringAsync());
        Assert.Equal("own", await daprd.Http.GetStringAsync($"/v1.0/invoke/{daprd.AppId}/method/x"));
    }

    [Fact]
    public async Task A_namespace_that_is_not_the_own_is_another_app()
    {
        await using var app = await HttpApp.StartAsync(a => a.On("/x", Reply.Of(200, "own")));
        await using var daprd = await Daprd.With(app: app, env: new Dictionary<string, string> { ["NAMESPACE"] = "here" }).StartAsync(Until.Ready);

        Assert.Equal("own", await daprd.Http.GetStringAsync($"/v1.0/invoke/{daprd.AppId}.here/method/x"));
        Assert.Equal("here", app.To("/x")[0].Header("dapr-caller-namespace"));
    }

    internal static string NewDatabase()
    {
        Interlocked.Increment(ref databases);
        return LastDatabase();
    }

    private static string LastDatabase() => Path.Combine(TestScope.Current.RuntimeDirectory, $"names-{databases}.db");

    private static string Configuration(string resolver) => Resource.Configuration(resolver switch
    {
        "registry" => "nameResolution:\n  component: mdns",
        "mdns" => "nameResolution:\n  component: mdns\n  configuration:\n    localRegistry: \"false\"",
        _ => $"nameResolution:\n  component: sqlite\n  configuration:\n    connectionString: {NewDatabase()}\n    updateInterval: 3s",
    });

    /// <summary>Two instances of an app and a sidecar that calls it.</summary>
    private sealed class Cluster : IAsyncDisposable
    {
        private readonly HttpApp[] apps;
        private readonly Daprd two;
        private readonly Daprd caller;

        private Cluster(HttpApp[] apps, Daprd one, Daprd two, Daprd caller) => (this.apps, One, this.two, this.caller) = (apps, one, two, caller);

        public Daprd One { get; }

        public static async Task<Cluster> StartAsync(string config)
        {
            var apps = new[] { await HttpApp.StartAsync(a => a.OnStream("/who", c => c.Response.WriteAsync("one"))), await HttpApp.StartAsync(a => a.OnStream("/who", c => c.Response.WriteAsync("two"))) };
            var one = await Daprd.With(app: apps[0], config: config).StartAsync(Until.Ready);
            var two = await Daprd.With(appId: one.AppId, app: apps[1], config: config).StartAsync(Until.Ready);
            return new Cluster(apps, one, two, await Daprd.With(config: config).StartAsync());
        }

        public async Task<string> AskOnceAsync()
        {
            using var response = await caller.Http.PostAsync($"/v1.0/invoke/{One.AppId}/method/who", new StringContent("?"));
            return await response.Content.ReadAsStringAsync();
        }

        public async Task<IReadOnlyList<string>> AskAsync(int times)
        {
            List<string> answers = [];
            for (var i = 0; i < times; i++)
            {
                answers.Add(await AskOnceAsync());
            }

            return answers;
        }

        public async ValueTask DisposeAsync()
        {
            await caller.DisposeAsync();
            await two.DisposeAsync();
            await One.DisposeAsync();
            foreach (var app in apps)
            {
                await app.DisposeAsync();
            }
        }
    }
}
