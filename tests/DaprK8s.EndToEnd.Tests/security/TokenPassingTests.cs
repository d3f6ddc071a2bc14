using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.EndToEnd.Tests.Invocation;
using DaprK8s.Protos.Common.V1;
using DaprK8s.Protos.Runtime.V1;
using Grpc.Core;

namespace DaprK8s.EndToEnd.Tests.Security;

/// <summary>
/// Where tokens go (attack checklist 30): the API token nowhere, the app token to the own app alone, on every call but health probes.
/// </summary>
public sealed class TokenPassingTests
{
    private const string ApiToken = "token-of-the-API";
    private const string CallerToken = "token-of-the-calling-app";
    private const string CalleeToken = "token-of-the-called-app";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Targets_get_no_token_but_the_app_its_own_sidecars(bool calleeHasToken)
    {
        await using var app = await HttpApp.StartAsync(a => a.On("*", Reply.Ok).On("GET /dapr/subscribe", Reply.Json("[]")));
        await using var outside = await HttpApp.StartAsync(a => a.On("*", Reply.Ok));
        await using var callee = await Daprd.With(app: app, env: AppToken(calleeHasToken ? CalleeToken : "")).StartAsync(Until.Ready);
        await using var caller = await Daprd.With(
            resources: $"apiVersion: dapr.io/v1alpha1\nkind: HTTPEndpoint\nmetadata:\n  name: named\nspec:\n  baseUrl: http://127.0.0.1:{outside.Port}",
            env: AppToken(CallerToken, ApiToken)).StartAsync(Until.Ready);

        foreach (var target in new[] { callee.AppId, "named", $"http://127.0.0.1:{outside.Port}" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, HttpPair.AsWritten(caller, $"/v1.0/invoke/{target}/method/called"));
            request.Headers.TryAddWithoutValidation("DAPR-Api-Token", ApiToken);
            using var answer = await caller.Http.SendAsync(request);
            Assert.Equal(200, (int)answer.StatusCode);
            await caller.Grpc.InvokeServiceAsync(
                new() { Id = target, Message = new() { Method = "called", HttpExtension = new() { Verb = HTTPExtension.Types.Verb.Post } } },
                new Metadata { { "dapr-api-token", ApiToken } });
        }

        Assert.Equal(2, app.To("/called").Count);
        Assert.Equal(4, outside.To("/called").Count);
        Assert.All(app.To("/called"), r => Assert.Equal(calleeHasToken ? CalleeToken : null, r.Header("dapr-api-token")));
        Assert.All(outside.Requests.All, r => Assert.Null(r.Header("dapr-api-token")));
        Assert.DoesNotContain(app.Requests.All.Concat(outside.Requests.All), r => Holds(r, ApiToken) || Holds(r, CallerToken));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Proxied_gRPC_calls_carry_the_called_apps_token_and_no_other(bool calleeHasToken)
    {
        await using var app = await GrpcApp.StartAsync();
        await using var callee = await Daprd.With(app: app, env: AppToken(calleeHasToken ? CalleeToken : "")).StartAsync(Until.Ready);
        await using var caller = await Daprd.With(env: AppToken(CallerToken, ApiToken)).StartAsync(Until.Ready);

        await new Echo.Echo.EchoClient(caller.Channel).UnaryAsync(
            new Echo.EchoRequest { Text = "t" }, new Metadata { { "dapr-app-id", callee.AppId }, { "dapr-api-token", ApiToken } });
        await new Echo.Echo.EchoClient(callee.Channel).UnaryAsync(
            new Echo.EchoRequest { Text = "t" }, new Metadata { { "dapr-app-id", callee.AppId }, { "dapr-api-token", "anything" } });

        Assert.Equal(2, app.Calls.Count);
        Assert.All(app.Calls.All, c => Assert.Equal(calleeHasToken ? [CalleeToken] : [], c.Headers.GetAll("dapr-api-token").Select(e => e.Value)));
        Assert.DoesNotContain(app.Calls.All, c => c.Headers.Any(h => !h.IsBinary && (h.Value.Contains(ApiToken) || h.Value.Contains(CallerToken))));
    }

    [Fact]
    public async Task An_http_app_gets_its_token_on_everything_but_health_probes()
    {
        await using var app = await HttpApp.StartAsync(a => a
            .On("*", Reply.Ok)
            .On("POST /handle", Reply.Message("SUCCESS"))
            .Subscribe("""[{"pubsubname":"pubsub","topic":"t","route":"/handle"}]"""));
        await using var daprd = await Daprd.With(
            app: app, resources: Resource.InMemoryPubSub(), env: AppToken(CalleeToken),
            flags: ["--enable-app-health-check", "--app-health-check-path=/probe", "--app-health-probe-interval=1"]).StartAsync(Until.Ready);
        await app.WaitForAsync("/dapr/subscribe");
        await daprd.Log.WaitForAsync("subscribed to topic");

        using var own = new HttpRequestMessage(HttpMethod.Get, $"/v1.0/invoke/{daprd.AppId}/method/own") { Headers = { { "dapr-api-token", "forged" } } };
        using var answer = await daprd.Http.SendAsync(own);
        using var published = await daprd.Http.PostAsync("/v1.0/publish/pubsub/t", new StringContent("x"));
        await app.WaitForAsync("/handle");
        await app.WaitForAsync("/probe");

        Assert.All(app.To("/probe"), r => Assert.Null(r.Header("dapr-api-token")));
        Assert.All(app.Requests.All.Where(r => r.Path != "/probe"), r => Assert.Equal([CalleeToken], r.Headers.GetValueOrDefault("dapr-api-token", [])));
        Assert.NotEmpty(app.To("/own"));
    }

    [Fact]
    public async Task A_gRPC_app_gets_its_token_on_everything_but_health_probes()
    {
        var probes = new Recording<Metadata>();
        await using var app = await GrpcApp.StartAsync(a =>
        {
            a.OnInvoke = (_, _) => Task.FromResult(new InvokeResponse());
            a.OnTopicEvent = (_, _) => Task.FromResult(new TopicEventResponse());
            a.OnHealthCheck = c =>
            {
                probes.Add(c.RequestHeaders);
                return Task.CompletedTask;
            };
        });
        await using var daprd = await Daprd.With(
            app: app, resources: Resource.All(Resource.InMemoryPubSub(), Resource.Subscription("pubsub", "t", "/handle")), env: AppToken(CalleeToken),
            flags: ["--enable-app-health-check", "--app-health-probe-interval=1"]).StartAsync(Until.Ready);
        await daprd.Log.WaitForAsync("subscribed to topic");

        await daprd.Grpc.InvokeServiceAsync(new() { Id = daprd.AppId, Message = new() { Method = "own" } }, new Metadata { { "dapr-api-token", "forged" } });
        await daprd.Grpc.PublishEventAsync(new() { PubsubName = "pubsub", Topic = "t" });
        await app.WaitForAsync<TopicEventRequest>();
        await app.WaitForAsync<Protos.Common.V1.InvokeRequest>();
        await probes.WaitForAsync(1);

        Assert.All(probes.All, h => Assert.Empty(h.GetAll("dapr-api-token")));
        Assert.All(app.Calls.All, c => Assert.Equal([CalleeToken], c.Headers.GetAll("dapr-api-token").Select(e => e.Value)));
    }

    private static Dictionary<string, string> AppToken(string app, string api = "") => new() { ["APP_API_TOKEN"] = app, ["DAPR_API_TOKEN"] = api };

    private static bool Holds(RecordedRequest request, string text)
        => request.Target.Contains(text, StringComparison.Ordinal) || request.Headers.Any(h => h.Value.Any(v => v.Contains(text, StringComparison.Ordinal)));
}
