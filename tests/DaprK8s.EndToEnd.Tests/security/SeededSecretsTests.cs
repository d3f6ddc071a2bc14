using System.Collections.Concurrent;
using System.Text;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.EndToEnd.Tests.Invocation;
using DaprK8s.Protos.Runtime.V1;
using DaprK8s.TestServers;
using Google.Protobuf;
using Grpc.Core;

namespace DaprK8s.EndToEnd.Tests.Security;

/// <summary>
/// Attack checklist 13: sidecars full of secrets, all telemetry on at its most talkative, and many good and bad calls. No secret may
/// turn up in what the sidecars write, answer or export, neither as it is nor encoded.
/// </summary>
public sealed class SeededSecretsTests(Servers servers)
{
    private const string Control = "control-0f5e";
    private readonly ConcurrentDictionary<string, string> seeds = new();
    private readonly ConcurrentQueue<(string Where, string Text)> shown = new();

    [Fact]
    public async Task No_secret_turns_up_in_logs_errors_metadata_metrics_or_spans()
    {
        await using var redis = await RedisServer.StartAsync(Seed("redis"));
        await using var collector = await HttpApp.StartAsync(a => a.On("*", Reply.Ok));
        await using var outside = await HttpApp.StartAsync(a => a.On("*", Reply.Of(200, "outside")));
        await using var app = await HttpApp.StartAsync(a => a.On("*", Reply.Of(200, "app")).On("/broken", Reply.Of(500, "broken")).On("GET /dapr/subscribe", Reply.Json("[]")));
        await using var sentry = await TestSentry.StartAsync();
        var (postgres, rabbit) = (await servers.PostgresAsync(), await servers.RabbitMqAsync());
        var callee = await sentry.Secure(Daprd.With(app: app, config: Telemetry(collector), flags: ["--log-level=debug", "--enable-api-logging"],
            env: new Dictionary<string, string> { ["APP_API_TOKEN"] = Seed("callee-app-token") })).StartAsync(Until.Ready);
        await using var stopCallee = callee;
        await using var daprd = await sentry.Secure(Daprd.With(
            app: app, config: Telemetry(collector), resources: await ResourcesAsync(redis, postgres, rabbit, outside),
            flags: ["--log-level=debug", "--enable-api-logging"],
            env: new Dictionary<string, string>
            {
                ["DAPR_API_TOKEN"] = Seed("api-token"),
                ["APP_API_TOKEN"] = Seed("app-token"),
                ["SEEDED_VARIABLE"] = Seed("variable"),
                ["DAPR_SENTRY_TOKEN_FILE"] = await TokenFileAsync(),
            })).StartAsync();
        foreach (var component in new[] { "wrong-redis", "wrong-postgres", "odd-postgres", "url-postgres", "wrong-rabbit", "odd-rabbit", "wrong-file" })
        {
            await daprd.Log.WaitForAsync($"Failed to init component {component}");
        }

        await CallOverHttpAsync(daprd, callee);
        await CallOverGrpcAsync(daprd, callee);
        await ShowAsync(daprd, callee);

        await Eventually.TrueAsync(() => collector.Requests.All.Any(r => Encoding.Latin1.GetString(r.Body).Contains(Control, StringComparison.Ordinal)), "spans were exported");
        foreach (var request in collector.Requests.All)
        {
            shown.Enqueue(("a span", Encoding.Latin1.GetString(request.Body) + string.Join('\n', request.Headers.SelectMany(h => h.Value))));
        }

        // What is looked for can be found where it may be.
        foreach (var place in new[] { "the log", "a span", "the metrics" })
        {
            Assert.Contains(shown, s => s.Where == place && s.Text.Contains(Control, StringComparison.Ordinal));
        }

        Assert.All(outside.Requests.All.Where(r => r.Path == "/good"), r => Assert.Equal(seeds["endpoint-header"], r.Header("X-Secret")));
        Assert.NotEmpty(app.To("/good"));
        Assert.Contains(sentry.Requests, r => r.Token == seeds["sentry-token"]);
        var found = shown.SelectMany(s => seeds.Where(seed => Spellings(seed.Value).Any(t => s.Text.Contains(t, StringComparison.OrdinalIgnoreCase)))
            .Select(seed => $"{seed.Key} in {s.Where}: {Around(s.Text, seed.Value)}"));
        Assert.Empty(found.Distinct().Take(10));
        Assert.DoesNotContain(shown, s => s.Text.Contains("PRIVATE KEY", StringComparison.Ordinal));
    }

    private async Task CallOverHttpAsync(Daprd daprd, Daprd callee)
    {
        var token = ("dapr-api-token", seeds["api-token"]);
        foreach (var wrong in new[] { "", Seed("wrong-api-token"), seeds["api-token"] + "x", seeds["app-token"] })
        {
            await SendAsync(daprd, "GET", "/v1.0/metadata", ("dapr-api-token", wrong));
        }

        foreach (var path in new[]
        {
            $"/v1.0/invoke/{callee.AppId}/method/good", $"/v1.0/invoke/{daprd.AppId}/method/good", $"/v1.0/invoke/{callee.AppId}/method/broken", "/v1.0/invoke/nobody/method/x",
            "/v1.0/invoke/named/method/good", "/v1.0/invoke/away/method/x", "/v1.0/invoke/badtls/method/x", $"/v1.0/invoke/{callee.AppId}/method/{Control}%23x",
            $"/v1.0/invoke/{callee.AppId}/method/{Control}",
        })
        {
            await SendAsync(
                daprd, "POST", path, token, ("Authorization", "Bearer " + Seed("client-bearer")), ("Cookie", "session=" + Seed("client-cookie")),
                ("X-Api-Key", Seed("client-key")), ("dapr-app-token", Seed("client-dapr-token")), ("body", Seed("payload")));
        }

        foreach (var store in new[] { "good", "wrong-redis", "wrong-postgres", "nope" })
        {
            await SendAsync(daprd, "POST", $"/v1.0/state/{store}", token, ("body", $$"""[{"key":"k","value":"{{Seed("state-value")}}"}]"""));
            await SendAsync(daprd, "POST", $"/v1.0/state/{store}", token, ("body", $$"""[{"key":"k","value":"{{Seed("state-value")}}","etag":"wrong"}]"""));
            await SendAsync(daprd, "POST", $"/v1.0/state/{store}", token, ("body", $$"""[{"key":"k","value":"{{Seed("state-value")}}" broken"""));
            await SendAsync(daprd, "GET", $"/v1.0/state/{store}/other", token);
        }

        foreach (var pubsub in new[] { "pubsub", "wrong-rabbit", "nope" })
        {
            await SendAsync(daprd, "POST", $"/v1.0/publish/{pubsub}/t", token, ("body", Seed("event")));
            await SendAsync(daprd, "POST", $"/v1.0/publish/{pubsub}/t", token, ("Content-Type", "application/cloudevents+json"), ("body", $$"""{"id":"{{Seed("event")}}" broken"""));
        }

        foreach (var path in new[] { "file/denied", "file/none", "env/APP_API_TOKEN", "env/DAPR_API_TOKEN", "nope/x", "wrong-file/x" })
        {
            await SendAsync(daprd, "GET", $"/v1.0/secrets/{path}", token);
        }

        // These answer secrets, as they should; what is written about them must not hold any.
        using var good = new HttpRequestMessage(HttpMethod.Get, "/v1.0/secrets/file/open") { Headers = { { "dapr-api-token", seeds["api-token"] } } };
        using var answer = await daprd.Http.SendAsync(good);
        Assert.Contains(seeds["open-secret"], await answer.Content.ReadAsStringAsync());
    }

    private async Task CallOverGrpcAsync(Daprd daprd, Daprd callee)
    {
        var token = new Metadata { { "dapr-api-token", seeds["api-token"] }, { "authorization", "Bearer " + Seed("client-bearer") }, { "x-some-bin", Encoding.UTF8.GetBytes(Seed("client-binary")) } };
        var wrong = new Metadata { { "dapr-api-token", Seed("wrong-grpc-token") } };
        var invoke = new InvokeServiceRequest { Id = callee.AppId, Message = new() { Method = Control, HttpExtension = new(), Data = new() { Value = ByteString.CopyFromUtf8(Seed("payload")) } } };
        IEnumerable<(string Method, IMessage Message, Metadata Headers)> calls =
        [
            ("GetMetadata", new GetMetadataRequest(), wrong), ("InvokeService", invoke, wrong), ("InvokeService", invoke, token),
            ("SaveState", new SaveStateRequest { StoreName = "wrong-redis", States = { new Protos.Common.V1.StateItem { Key = "k", Value = ByteString.CopyFromUtf8(Seed("state-value")) } } }, token),
            ("GetState", new GetStateRequest { StoreName = "wrong-postgres", Key = "k" }, token),
            ("PublishEvent", new PublishEventRequest { PubsubName = "wrong-rabbit", Topic = "t", Data = ByteString.CopyFromUtf8(Seed("event")) }, token),
            ("GetSecret", new GetSecretRequest { StoreName = "file", Key = "denied" }, token), ("GetSecret", new GetSecretRequest { StoreName = "file", Key = "none" }, token),
            ("GetBulkSecret", new GetBulkSecretRequest { StoreName = "nope" }, token), ("SetMetadata", new SetMetadataRequest { Key = "k", Value = "v" }, token),
        ];
        foreach (var (method, message, headers) in calls)
        {
            if (await Raw.CallForErrorAsync(daprd, "dapr.proto.runtime.v1.Dapr", method, headers, message.ToByteArray()) is { } error)
            {
                shown.Enqueue(($"the error of {method}", error + string.Join('\n', error.Trailers.Select(t => t.IsBinary ? Encoding.Latin1.GetString(t.ValueBytes) : t.Value))));
            }
        }

        token.Add("dapr-app-id", callee.AppId);
        await Raw.CallAsync(daprd, "some.app.Service", Control, token, Encoding.UTF8.GetBytes(Seed("payload")));
        await Raw.CallAsync(daprd, "some.app.Service", Control, [.. wrong, new("dapr-app-id", callee.AppId)], []);
    }

    private async Task ShowAsync(Daprd daprd, Daprd callee)
    {
        var token = ("dapr-api-token", seeds["api-token"]);
        await SendAsync(daprd, "GET", "/v1.0/metadata", token);
        shown.Enqueue(("gRPC metadata", (await daprd.Grpc.GetMetadataAsync(new GetMetadataRequest(), new Metadata { { "dapr-api-token", seeds["api-token"] } })).ToString()));
        shown.Enqueue(("the metrics", await daprd.MetricsAsync() + await callee.MetricsAsync()));
        await daprd.StopAsync();
        await callee.StopAsync();
        foreach (var line in daprd.Log.All.Concat(callee.Log.All))
        {
            shown.Enqueue(("the log", line));
        }
    }

    private async Task SendAsync(Daprd daprd, string verb, string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new HttpMethod(verb), HttpPair.AsWritten(daprd, path));
        var body = headers.FirstOrDefault(h => h.Name == "body").Value;
        request.Content = body is null ? null : new StringContent(body, Encoding.UTF8, headers.FirstOrDefault(h => h.Name == "Content-Type").Value ?? "application/json");
        foreach (var (name, value) in headers.Where(h => h.Name is not ("body" or "Content-Type")))
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var answer = await daprd.Http.SendAsync(request);
        shown.Enqueue(($"the answer to {verb} {path}", $"{answer.Headers} {await answer.Content.ReadAsStringAsync()}"));
    }

    private async Task<string> ResourcesAsync(RedisServer redis, PostgresServer postgres, RabbitMqServer rabbit, HttpApp outside)
    {
        var file = Path.Combine(TestScope.Current.RuntimeDirectory, "seeded.json");
        await File.WriteAllTextAsync(file, $$"""{"redis":"{{seeds["redis"]}}","open":"{{Seed("open-secret")}}","denied":"{{Seed("denied-secret")}}","header":"{{Seed("endpoint-header")}}"}""");
        var broken = Path.Combine(TestScope.Current.RuntimeDirectory, "broken.json");
        await File.WriteAllTextAsync(broken, $$"""{"k":"{{Seed("broken-file")}}" broken""");
        static string Lenient(string component) => component.Replace("  version:", "  ignoreErrors: true\n  version:", StringComparison.Ordinal);
        var good = Resource.Component("good", "state.redis", ("redisHost", redis.Address)).TrimEnd()
            + "\n  - name: redisPassword\n    secretKeyRef: {name: redis, key: redis}\nauth:\n  secretStore: file\n";
        return Resource.All(
            good,
            Resource.InMemoryPubSub(),
            Resource.Component("file", "secretstores.local.file", ("secretsFile", file)),
            Lenient(Resource.Component("wrong-file", "secretstores.local.file", ("secretsFile", broken))),
            Resource.Component("env", "secretstores.local.env"),
            Lenient(Resource.Component("wrong-redis", "state.redis", ("redisHost", redis.Address), ("redisPassword", Seed("wrong-redis-password")), ("redisMaxRetries", "1"))),
            Lenient(Resource.Component("wrong-postgres", "state.postgresql/v2",
                ("connectionString", $"host={postgres.Host} port={postgres.Port} user=nobody password={Seed("wrong-postgres-password")} dbname=x sslmode=disable"))),
            Lenient(Resource.Component("odd-postgres", "state.postgresql/v2", ("connectionString", $"host password={Seed("odd-postgres-password")} port=x=y"))),
            Lenient(Resource.Component("url-postgres", "state.postgresql/v2", ("connectionString", $"postgres://u:{Seed("url-postgres-password")}@[broken:1/x"))),
            Lenient(Resource.Component("wrong-rabbit", "pubsub.rabbitmq", ("connectionString", $"amqp://nobody:{Seed("wrong-rabbit-password")}@{rabbit.Address}"))),
            Lenient(Resource.Component("odd-rabbit", "pubsub.rabbitmq", ("connectionString", $"amqp//nobody:{Seed("odd-rabbit-password")}@@{rabbit.Address}"))),
            Endpoint("named", $"http://127.0.0.1:{outside.Port}", "  headers:\n  - name: X-Secret\n    secretKeyRef: {name: header, key: header}\nauth:\n  secretStore: file"),
            Endpoint("away", $"http://127.0.0.1:{Ports.Take()}", $"  headers:\n  - name: Authorization\n    value: Bearer {Seed("plain-header")}"),
            Endpoint("badtls", "https://127.0.0.1:1", $"  clientTLS:\n    certificate:\n      value: {Seed("certificate")}\n    privateKey:\n      value: {Seed("private-key")}"));
    }

    private async Task<string> TokenFileAsync()
    {
        var file = Path.Combine(TestScope.Current.RuntimeDirectory, "sentry-token");
        await File.WriteAllTextAsync(file, Seed("sentry-token"));
        return file;
    }

    private static string Telemetry(HttpApp collector) => Resource.Configuration($$$"""
        tracing:
          samplingRate: "1"
          stdout: true
          zipkin: {endpointAddress: "http://127.0.0.1:{{{collector.Port}}}/api/v2/spans"}
          otel: {endpointAddress: "127.0.0.1:{{{collector.Port}}}", isSecure: false, protocol: http}
        metrics: {enabled: true, recordErrorCodes: true, http: {increasedCardinality: true}}
        logging: {apiLogging: {enabled: true}}
        secrets: {scopes: [{storeName: file, deniedSecrets: [denied]}]}
        """);

    private static string Endpoint(string name, string url, string more)
        => $"apiVersion: dapr.io/v1alpha1\nkind: HTTPEndpoint\nmetadata:\n  name: {name}\nspec:\n  baseUrl: \"{url}\"\n{more}\n";

    private string Seed(string name) => seeds.GetOrAdd(name, n => $"Zq7.{n}.{Guid.NewGuid():N}");

    // The random half is enough: it must not be there in part either.
    private static IEnumerable<string> Spellings(string seed)
    {
        var random = seed[^32..];
        yield return random;
        yield return Convert.ToBase64String(Encoding.UTF8.GetBytes(seed))[..24];
        yield return Convert.ToHexString(Encoding.UTF8.GetBytes(seed))[..24];
        for (var shift = 0; shift < 3; shift++)
        {
            yield return Convert.ToBase64String(Encoding.UTF8.GetBytes(random[shift..]))[..24];
        }
    }

    private static string Around(string text, string seed)
    {
        var at = Math.Max(0, text.IndexOf(seed[^32..], StringComparison.OrdinalIgnoreCase));
        return text[Math.Max(0, at - 200)..Math.Min(text.Length, at + 40)];
    }
}
