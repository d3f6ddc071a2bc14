using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.TestServers;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.EndToEnd.Tests.Reload;

/// <summary>
/// Thousands of random edits of every kind of resource, while the app calls without a pause. What must hold after each: no call fails
/// that the resources allow, and no message is lost. RELOAD_SEED replays a run, RELOAD_EDITS sets its length.
/// </summary>
public sealed partial class StormTests
{
    private const long AllowedGrowth = 96L << 20;

    private static readonly string[] Routes = ["/a", "/b", "/c"];

    private readonly ConcurrentDictionary<string, int> delivered = new();
    private readonly ConcurrentQueue<string> failures = new();
    private int edits;
    private int calls;

    [Fact]
    public async Task No_call_and_no_message_is_lost_in_ten_thousand_random_edits()
    {
        var seed = int.Parse(Environment.GetEnvironmentVariable("RELOAD_SEED") ?? $"{Random.Shared.Next()}", CultureInfo.InvariantCulture);
        var wanted = int.Parse(Environment.GetEnvironmentVariable("RELOAD_EDITS") ?? "10000", CultureInfo.InvariantCulture);
        TestContext.Current.TestOutputHelper?.WriteLine($"RELOAD_SEED={seed}");
        await using var redis = await RedisServer.StartAsync();
        await using var app = await HttpApp.StartAsync(a => a.OnStream("*", Receive).On("GET /dapr/subscribe", Reply.Of(404)));
        await using var one = await HttpApp.StartAsync(a => a.OnStream("*", _ => Task.CompletedTask));
        await using var two = await HttpApp.StartAsync(a => a.OnStream("*", _ => Task.CompletedTask));
        var files = new Dictionary<string, Func<Random, string>>
        {
            ["state.yaml"] = r => Resource.Component("store", "state.in-memory", ("keyPrefix", r.Next(2) == 0 ? "name" : "appid"), ("note", $"{r.Next()}")),
            ["broker.yaml"] = r => Resource.RedisPubSub(
                redis, "pubsub", ("queueDepth", $"{r.Next(50, 150)}"), ("processingTimeout", "5s"), ("redeliverInterval", "1s")).Replace("  version: v1", "  version: v1\n  initTimeout: 30s", StringComparison.Ordinal),
            ["memory.yaml"] = r => Resource.Component("memory", "pubsub.in-memory", ("note", $"{r.Next()}")),
            ["upper.yaml"] = r => Resource.Component("upper", "middleware.http.uppercase", ("note", $"{r.Next()}")),
            ["subscription.yaml"] = r => Files.Subscription("s", "pubsub", "orders", Routes[r.Next(Routes.Length)]),
            ["endpoint.yaml"] = r => Files.Endpoint("service", r.Next(2) == 0 ? one.Port : two.Port),
            ["config.yaml"] = r => Resource.Configuration(Spec(r)),
            // These come and go, and are often wrong; nothing is called through them.
            ["extra.yaml"] = r => r.Next(4) switch
            {
                0 => "",
                1 => "apiVersion: dapr.io/v1alpha1\nkind: [Compo",
                2 => Resource.Component($"extra{r.Next(3)}", "state.nosuch").Replace("  version: v1", "  version: v1\n  ignoreErrors: true", StringComparison.Ordinal),
                _ => Resource.InMemoryState($"extra{r.Next(3)}"),
            },
        };
        var start = new Random(seed);
        await using var daprd = await (Daprd.With(app: app) with
        {
            Flags = ["--config", "resources/config.yaml", "--log-level", "error"],
            Resources = files.ToDictionary(f => f.Key, f => f.Key == "extra.yaml" ? "" : f.Value(start)),
        }).StartAsync(Until.Ready);

        using var ended = new CancellationTokenSource();
        var published = new ConcurrentQueue<string>();
        Task[] callers =
        [
            CallAsync(ended.Token, i => daprd.Http.PostAsync("/v1.0/state/store", new StringContent($$"""[{"key":"{{i}}","value":1}]"""))),
            CallAsync(ended.Token, i => daprd.Http.GetAsync($"/v1.0/state/store/{i}")),
            CallAsync(ended.Token, i => daprd.Http.PostAsync($"/v1.0/invoke/{daprd.AppId}/method/echo", new StringContent("x"))),
            CallAsync(ended.Token, i => daprd.Http.GetAsync("/v1.0/invoke/service/method/m")),
            CallAsync(ended.Token, i => daprd.Http.PostAsync("/v1.0/publish/memory/orders", new StringContent("{}"))),
            CallAsync(ended.Token, i => daprd.Http.GetAsync("/v1.0/healthz")),
            CallAsync(ended.Token, async i =>
            {
                var answer = await daprd.Http.PostAsync("/v1.0/publish/pubsub/orders", new StringContent($"\"{i}\"", null, "application/json"));
                published.Enqueue($"{i}");
                return answer;
            }),
        ];

        var clock = Stopwatch.StartNew();
        var early = 0L;
        var random = new Random(seed);
        var names = files.Keys.ToArray();
        while (edits < wanted && failures.IsEmpty)
        {
            Edit(daprd, names[random.Next(names.Length)], files, random);
            if (++edits % 16 == 0)
            {
                // The pace of the edits, so that most of them are seen one by one: a storm without a breath would be read as one edit.
                await Task.Delay(25);
            }

            if (edits == wanted / 5)
            {
                early = daprd.ResidentBytes;
            }
        }

        await ended.CancelAsync();
        await Task.WhenAll(callers);
        var grown = daprd.ResidentBytes - early;
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{edits} edits and {calls} calls in {clock.Elapsed.TotalSeconds:F0} s; {published.Count} messages; {early >> 20} MiB grew by {grown >> 20} MiB");
        Assert.True(failures.IsEmpty, $"seed {seed}, edit {edits}: {string.Join('\n', failures.Take(5))}\n{string.Join('\n', daprd.Log.All.TakeLast(20))}");
        Assert.False(daprd.HasExited);

        // The last word counts.
        daprd.Put("config.yaml", Resource.Configuration("tracing: {}"));
        daprd.Put("extra.yaml", Resource.InMemoryState("last"));
        daprd.Put("subscription.yaml", Files.Subscription("s", "pubsub", "orders", "/last"));
        await daprd.ShowsAsync("\"last\"");
        await daprd.ShowsAsync("/last");
        await Eventually.TrueAsync(
            () => published.All(delivered.ContainsKey), $"all messages to be delivered; missing of {published.Count}: {string.Join(' ', published.Where(p => !delivered.ContainsKey(p)).Take(10))}");
        Assert.True(early > 0 && grown < AllowedGrowth, $"the sidecar grew from {early >> 20} MiB by {grown >> 20} MiB");
    }

    private static string Spec(Random random)
    {
        string[] choices =
        [
            "httpPipeline: {handlers: [{name: upper, type: middleware.http.uppercase}]}",
            "appHttpPipeline: {handlers: [{name: upper, type: middleware.http.uppercase}]}",
            "logging: {apiLogging: {enabled: true, obfuscateURLs: true}}",
            "metrics: {recordErrorCodes: true, http: {increasedCardinality: false}}",
            "tracing: {samplingRate: '0'}",
            "api: {denied: [{name: shutdown, version: v1, protocol: http}]}",
            "secrets: {scopes: [{storeName: none, defaultAccess: deny}]}",
            "accessControl: {defaultAction: allow, trustDomain: public}",
            "components: {deny: [state.redis]}",
            "features: [{name: Own, enabled: true}]",
        ];
        return $"{string.Join('\n', choices.Where(_ => random.Next(3) == 0))}\nwasm: {{strictSandbox: {(random.Next(2) == 0 ? "true" : "false")}}}";
    }

    // As careful tools write, as editors do, and as slow ones do; a file that is deleted is written anew at once.
    private static void Edit(Daprd daprd, string name, Dictionary<string, Func<Random, string>> files, Random random)
    {
        var text = files[name](random);
        switch (random.Next(name == "extra.yaml" ? 5 : 3))
        {
            case 0:
                daprd.Put(name, text);
                break;
            case 1:
                daprd.Overwrite(name, text);
                break;
            case 2:
                using (var file = new FileStream(Path.Combine(daprd.ResourcesDirectory, name), FileMode.Create))
                {
                    var bytes = System.Text.Encoding.UTF8.GetBytes(text);
                    var half = random.Next(bytes.Length + 1);
                    file.Write(bytes, 0, half);
                    file.Flush();
                    file.Write(bytes, half, bytes.Length - half);
                }

                break;
            default:
                daprd.Delete(name);
                daprd.Overwrite(name, text);
                break;
        }
    }

    private async Task CallAsync(CancellationToken ended, Func<int, Task<HttpResponseMessage>> call)
    {
        for (var i = 0; !ended.IsCancellationRequested; i++)
        {
            try
            {
                using var answer = await call(i);
                Interlocked.Increment(ref calls);
                if (!answer.IsSuccessStatusCode)
                {
                    failures.Enqueue($"{answer.RequestMessage?.RequestUri}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
                }
            }
            catch (HttpRequestException e)
            {
                failures.Enqueue(e.Message);
            }
        }
    }

    private async Task Receive(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        var body = await reader.ReadToEndAsync();

        // A pipeline of the moment may have written the whole event in capitals.
        if (Data().Match(body) is { Success: true } data)
        {
            delivered.AddOrUpdate(data.Groups[1].Value, 1, (_, n) => n + 1);
        }
    }

    [GeneratedRegex("\"data\":\"([0-9]+)\"", RegexOptions.IgnoreCase)]
    private static partial Regex Data();
}
