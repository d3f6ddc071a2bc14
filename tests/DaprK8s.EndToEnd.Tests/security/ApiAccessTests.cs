using DaprK8s.EndToEnd.Tests.Fixture;
using Grpc.Core;
using Api = DaprK8s.Protos.Runtime.V1.Dapr;

namespace DaprK8s.EndToEnd.Tests.Security;

/// <summary>Allow and deny lists of API groups (attack checklist 31): every group, on both surfaces, in every way of writing the rule.</summary>
public sealed class ApiAccessTests
{
    private const string Service = "dapr.proto.runtime.v1.Dapr";

    /// <summary>A call of each route of each HTTP group, as <c>verb path</c>.</summary>
    private static readonly Dictionary<(string Name, string Version), string[]> HttpGroups = new()
    {
        [("invoke", "v1")] = ["POST /v1.0/invoke/nobody/method/m"],
        [("state", "v1")] =
        [
            "GET /v1.0/state/s/k", "POST /v1.0/state/s", "PUT /v1.0/state/s", "DELETE /v1.0/state/s/k", "POST /v1.0/state/s/bulk", "PUT /v1.0/state/s/bulk",
            "POST /v1.0/state/s/transaction", "PUT /v1.0/state/s/transaction",
        ],
        [("state", "v1alpha1")] = ["POST /v1.0-alpha1/state/s/query", "PUT /v1.0-alpha1/state/s/query"],
        [("publish", "v1")] = ["POST /v1.0/publish/p/t", "PUT /v1.0/publish/p/t", "POST /v1.0/publish/bulk/p/t"],
        [("publish", "v1alpha1")] = ["POST /v1.0-alpha1/publish/bulk/p/t"],
        [("bindings", "v1")] = ["POST /v1.0/bindings/b"],
        [("secrets", "v1")] = ["GET /v1.0/secrets/s/k", "GET /v1.0/secrets/s/bulk"],
        [("actors", "v1")] =
        [
            "POST /v1.0/actors/t/1/state", "GET /v1.0/actors/t/1/state/k", "PUT /v1.0/actors/t/1/method/m", "POST /v1.0/actors/t/1/reminders/r",
            "DELETE /v1.0/actors/t/1/timers/x",
        ],
        [("metadata", "v1")] = ["GET /v1.0/metadata", "PUT /v1.0/metadata/k"],
        [("configuration", "v1")] = ["GET /v1.0/configuration/c", "GET /v1.0/configuration/c/subscribe", "GET /v1.0/configuration/c/1/unsubscribe"],
        [("configuration", "v1alpha1")] = ["GET /v1.0-alpha1/configuration/c", "GET /v1.0-alpha1/configuration/c/subscribe"],
        [("lock", "v1alpha1")] = ["POST /v1.0-alpha1/lock/l"],
        [("unlock", "v1alpha1")] = ["POST /v1.0-alpha1/unlock/l"],
        [("crypto", "v1alpha1")] = ["PUT /v1.0-alpha1/crypto/c/encrypt", "PUT /v1.0-alpha1/crypto/c/decrypt"],
        [("subtlecrypto", "v1alpha1")] = ["POST /v1.0-alpha1/subtlecrypto/c/getkey"],
        [("workflows", "v1")] = ["POST /v1.0/workflows/dapr/w/start", "GET /v1.0/workflows/dapr/1"],
        [("workflows", "v1beta1")] = ["POST /v1.0-beta1/workflows/dapr/w/start", "POST /v1.0-beta1/workflows/dapr/1/raiseEvent/e"],
        [("workflows", "v1alpha1")] = ["POST /v1.0-alpha1/workflows/dapr/w/start", "POST /v1.0-alpha1/workflows/dapr/1/purge"],
        [("jobs", "v1")] = ["GET /v1.0/jobs/j"],
        [("jobs", "v1alpha1")] = ["POST /v1.0-alpha1/jobs/j"],
        [("conversation", "v1alpha1")] = ["POST /v1.0-alpha1/conversation/c/converse"],
        [("conversation", "v1alpha2")] = ["POST /v1.0-alpha2/conversation/c/converse"],
    };

    private static readonly Dictionary<(string Name, string Version), string> GrpcGroups = new()
    {
        [("invoke", "v1")] = "InvokeService",
        [("state", "v1")] = "GetState GetBulkState SaveState DeleteState DeleteBulkState ExecuteStateTransaction",
        [("state", "v1alpha1")] = "QueryStateAlpha1",
        [("publish", "v1")] = "PublishEvent BulkPublishEvent",
        [("publish", "v1alpha1")] = "BulkPublishEventAlpha1",
        [("subscribe", "v1alpha1")] = "SubscribeTopicEventsAlpha1",
        [("bindings", "v1")] = "InvokeBinding",
        [("secrets", "v1")] = "GetSecret GetBulkSecret",
        [("actors", "v1")] =
            "RegisterActorTimer UnregisterActorTimer RegisterActorReminder GetActorReminder ListActorReminders UnregisterActorReminder "
            + "UnregisterActorRemindersByType GetActorState ExecuteActorStateTransaction InvokeActor",
        [("actors", "v1alpha1")] = "SubscribeActorEventsAlpha1",
        [("metadata", "v1")] = "GetMetadata SetMetadata",
        [("configuration", "v1alpha1")] = "GetConfigurationAlpha1 SubscribeConfigurationAlpha1 UnsubscribeConfigurationAlpha1",
        [("configuration", "v1")] = "GetConfiguration SubscribeConfiguration UnsubscribeConfiguration",
        [("lock", "v1alpha1")] = "TryLockAlpha1",
        [("unlock", "v1alpha1")] = "UnlockAlpha1",
        [("crypto", "v1alpha1")] = "EncryptAlpha1 DecryptAlpha1",
        [("subtlecrypto", "v1alpha1")] =
            "SubtleGetKeyAlpha1 SubtleEncryptAlpha1 SubtleDecryptAlpha1 SubtleWrapKeyAlpha1 SubtleUnwrapKeyAlpha1 SubtleSignAlpha1 SubtleVerifyAlpha1",
        [("workflows", "v1alpha1")] = Workflows("Alpha1"),
        [("workflows", "v1beta1")] = Workflows("Beta1"),
        [("jobs", "v1alpha1")] = "ScheduleJobAlpha1 GetJobAlpha1 DeleteJobAlpha1 DeleteJobsByPrefixAlpha1 ListJobsAlpha1",
        [("jobs", "v1")] = "ScheduleJob GetJob DeleteJob DeleteJobsByPrefix ListJobs",
        [("conversation", "v1alpha1")] = "ConverseAlpha1",
        [("conversation", "v1alpha2")] = "ConverseAlpha2",
        [("shutdown", "v1")] = "Shutdown",
    };

    private static readonly string[] DaprMethods = [.. Api.Descriptor.Methods.Select(m => m.Name)];

    [Fact]
    public async Task A_denied_group_is_gone_from_http_and_all_others_are_there()
    {
        foreach (var denied in HttpGroups.Keys.Where((_, i) => i % 2 == 0))
        {
            await using var daprd = await StartAsync("denied", $"{{name: {denied.Name}, version: {denied.Version}, protocol: HTTP}}");

            foreach (var (group, calls) in HttpGroups)
            {
                foreach (var call in calls)
                {
                    Assert.True(await IsThereAsync(daprd, call) == (group != denied), $"{denied} denied: {call}");
                }
            }

            foreach (var method in DaprMethods.Where(m => m != "Shutdown").Take(3))
            {
                Assert.False(IsRefused(await Raw.CallForErrorAsync(daprd, Service, method)), method);
            }
        }
    }

    [Fact]
    public async Task Only_an_allowed_group_is_there_on_http_beside_health()
    {
        foreach (var allowed in HttpGroups.Keys.Where((_, i) => i % 2 == 1))
        {
            await using var daprd = await StartAsync("allowed", $"{{name: {allowed.Name}, version: {allowed.Version}, protocol: http}}");

            foreach (var (group, calls) in HttpGroups)
            {
                foreach (var call in calls)
                {
                    Assert.True(await IsThereAsync(daprd, call) == (group == allowed), $"only {allowed} allowed: {call}");
                }
            }

            Assert.False(await IsThereAsync(daprd, "POST /v1.0/shutdown"));
            Assert.Equal(204, (await Raw.GetAsync(daprd.HttpPort, "/v1.0/healthz/outbound")).Status);
        }
    }

    [Fact]
    public async Task A_denied_group_is_refused_on_gRPC_and_no_other()
    {
        foreach (var (denied, methods) in GrpcGroups.Where((_, i) => i % 4 == 0))
        {
            await using var daprd = await StartAsync("denied", $"{{name: {denied.Name}, version: {denied.Version}, protocol: grpc}}");

            foreach (var method in DaprMethods.Where(m => m != "Shutdown"))
            {
                var error = await Raw.CallForErrorAsync(daprd, Service, method);
                Assert.True(IsRefused(error) == methods.Split(' ').Contains(method), $"{denied} denied: {method}: {error?.Status}");
            }

            Assert.True(await IsThereAsync(daprd, HttpGroups.First().Value[0]));
        }
    }

    [Fact]
    public async Task Every_method_belongs_to_a_group_that_can_be_denied()
    {
        var all = string.Join(", ", GrpcGroups.Keys.Select(g => $"{{name: {g.Name}, version: {g.Version}, protocol: grpc}}"));
        await using var daprd = await StartAsync("denied", all);

        foreach (var method in GrpcGroups.Values.SelectMany(m => m.Split(' ')))
        {
            Assert.True(IsRefused(await Raw.CallForErrorAsync(daprd, Service, method)), method);
        }

        Assert.False(daprd.HasExited);
    }

    [Fact]
    public async Task Only_an_allowed_group_is_served_on_gRPC()
    {
        foreach (var (allowed, methods) in GrpcGroups.Where((_, i) => i % 4 == 2))
        {
            await using var daprd = await StartAsync("allowed", $"{{name: {allowed.Name}, version: {allowed.Version}, protocol: grpc}}");

            foreach (var method in DaprMethods.Append("NoSuchMethod"))
            {
                var error = await Raw.CallForErrorAsync(daprd, Service, method);
                Assert.True(IsRefused(error) != methods.Split(' ').Contains(method), $"only {allowed} allowed: {method}: {error?.Status}");
            }

            Assert.True(IsRefused(await Raw.CallForErrorAsync(daprd, "dapr.proto.runtime.v2.Other", "Get")));
            Assert.False(IsRefused(await Raw.CallForErrorAsync(daprd, "some.app.Service", "Get")));
            Assert.False(IsRefused(await Raw.CallForErrorAsync(daprd, "TaskHubSidecarService", "Hello")));
            Assert.True(await IsThereAsync(daprd, "GET /v1.0/state/s/k"));
        }
    }

    [Theory]
    [InlineData("{name: state, version: v1.0, protocol: http}", "GET /v1.0/state/s/k", "POST /v1.0-alpha1/state/s/query")]
    [InlineData("{name: state/, version: v1.0, protocol: http}", "POST /v1.0/state/s/bulk", "POST /v1.0-alpha1/state/s/query")]
    [InlineData("{name: state, version: v1.0-alpha1, protocol: http}", "POST /v1.0-alpha1/state/s/query", "GET /v1.0/state/s/k")]
    [InlineData("{name: invoke, version: v1.0, protocol: http}", "POST /v1.0/invoke/nobody/method/m", "GET /v1.0/metadata")]
    [InlineData("{name: workflows, version: v1.0-beta1, protocol: http}", "POST /v1.0-beta1/workflows/dapr/w/start", "POST /v1.0/workflows/dapr/w/start")]
    [InlineData("{name: conversation, version: v1.0-alpha2, protocol: Http}", "POST /v1.0-alpha2/conversation/c/converse", "POST /v1.0-alpha1/conversation/c/converse")]
    public async Task The_older_form_of_a_rule_names_the_beginning_of_the_path(string rule, string refused, string served)
    {
        await using var denying = await StartAsync("denied", rule);
        await using var allowing = await StartAsync("allowed", rule);

        Assert.False(await IsThereAsync(denying, refused), "denied: " + refused);
        Assert.True(await IsThereAsync(denying, served), "not denied: " + served);
        Assert.True(await IsThereAsync(allowing, refused), "allowed: " + refused);
        Assert.False(await IsThereAsync(allowing, served), "not allowed: " + served);
    }

    [Fact]
    public async Task A_denied_route_is_gone_in_every_spelling_and_deny_wins()
    {
        await using var app = await HttpApp.StartAsync(a => a.On("*", Reply.Of(200, "the app answered")).On("GET /dapr/subscribe", Reply.Json("[]")));
        await using var daprd = await Daprd.With(
            app: app, resources: Resource.InMemoryState("s"),
            config: Resource.Configuration("""
                api:
                  allowed: [{name: state, version: v1, protocol: http}, {name: invoke, version: v1, protocol: http}, {name: state, version: v1, protocol: grpc}]
                  denied: [{name: state, version: v1, protocol: http}, {name: state, version: v1, protocol: grpc}]
                """)).StartAsync(Until.Ready);

        foreach (var path in new[]
        {
            "/v1.0/state/s/k", "/v1.0/State/s/k", "/V1.0/state/s/k", "//v1.0//state//s//k", "/v1.0/./state/s/k", "/v1.0/metadata/../state/s/k", "/v1.0/st%61te/s/k",
            "/v1.0%2Fstate/s/k", "/v1.0/state%2Fs%2Fk", "/v1.0/state/s/k/", "/v1.0/healthz/../state/s/k", "/v1.0;x/state/s/k",
        })
        {
            var (status, answer) = await Raw.GetAsync(daprd.HttpPort, path);
            Assert.True(status == 404 && answer.Contains("ERR_DIRECT_INVOKE", StringComparison.Ordinal), answer);
            // With a target it is a call of that app, as the contract has it, and never the API.
            Assert.Contains("the app answered", (await Raw.GetAsync(daprd.HttpPort, path, "GET", "dapr-app-id: " + daprd.AppId)).Answer);
        }

        foreach (var method in new[] { "GetState", "SaveState" })
        {
            Assert.True(IsRefused(await Raw.CallForErrorAsync(daprd, Service, method)));
        }

        Assert.False((await Raw.CallForErrorAsync(daprd, Service, "getstate"))?.StatusCode == StatusCode.OK);
    }

    [Fact]
    public async Task With_invocation_denied_nothing_falls_through_to_an_app()
    {
        await using var app = await HttpApp.StartAsync(a => a.On("*", Reply.Of(200, "the app answered")).On("GET /dapr/subscribe", Reply.Json("[]")));
        await using var daprd = await Daprd.With(app: app, config: Resource.Configuration("api: {denied: [{name: invoke, version: v1.0, protocol: http}]}")).StartAsync(Until.Ready);

        foreach (var path in new[] { $"/v1.0/invoke/{daprd.AppId}/method/x", "/x", "/v1.0/state/s", "/v1.0/healthz/x" })
        {
            var (status, answer) = await Raw.GetAsync(daprd.HttpPort, path, "GET", "dapr-app-id: " + daprd.AppId);
            Assert.True(status is 404 or 405, answer);
        }

        Assert.DoesNotContain(app.Requests.All, r => r.Path is not ("/dapr/subscribe" or "/dapr/config"));
    }

    [Theory]
    [InlineData("{name: state, version: v1, protocol: GRPC}")]
    [InlineData("{name: nonsense, version: v1, protocol: grpc}")]
    [InlineData("{name: state, version: v1.0, protocol: grpc}")]
    public async Task Rules_that_name_no_group_of_gRPC_leave_it_open(string rule)
    {
        await using var daprd = await StartAsync("allowed", rule);

        Assert.False(IsRefused(await Raw.CallForErrorAsync(daprd, Service, "GetMetadata")));
    }

    private static async Task<Daprd> StartAsync(string list, string rules)
        => await Daprd.With(config: Resource.Configuration($"api: {{{list}: [{rules}]}}")).StartAsync();

    // A route that is not there is an invocation without a target, or plainly nothing where invocation is denied.
    private static async Task<bool> IsThereAsync(Daprd daprd, string call)
    {
        var parts = call.Split(' ');
        var (status, answer) = await Raw.SendAsync(
            daprd.HttpPort, $"{parts[0]} {parts[1]} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n[]");
        return !(status is 404 or 405 && (answer.EndsWith("\r\n\r\n", StringComparison.Ordinal) || answer.Contains("Content-Length: 0", StringComparison.Ordinal)
            || answer.Contains("failed getting app id either from", StringComparison.Ordinal)));
    }

    private static bool IsRefused(RpcException? error)
        => error is { StatusCode: StatusCode.Unimplemented, Status.Detail: "Not Implemented" }
            && Raw.Info(error) is { Reason: "Not Implemented" } info && info.Metadata["http.code"] == "501"
            && info.Metadata["http.error_message"] == "requested endpoint is not available";

    private static string Workflows(string suffix)
        => string.Join(' ', new[] { "Start", "Get", "Terminate", "RaiseEvent", "Purge", "Pause", "Resume" }.Select(v => $"{v}Workflow{suffix}"));
}
