using System.Text.Json.Nodes;
using DaprK8s.Injector.Admission;
using DaprK8s.Injector.Tests.Support;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Injector.Tests.Admission;

/// <summary>Which pods get a sidecar, which are left alone, and which are refused (contract: k8s 3.3).</summary>
public sealed class InjectionDecisionTests
{
    private readonly Injections injections = new();

    [Theory]
    [InlineData("false")]
    [InlineData("yes")]
    [InlineData("1")]
    [InlineData("on")]
    [InlineData(" true")]
    [InlineData("")]
    public async Task Only_the_word_true_asks_for_a_sidecar(string value)
    {
        Assert.Same(AdmissionAnswer.Unchanged, await injections.AskAsync(Injections.Pod(("dapr.io/enabled", value), ("dapr.io/app-id", "orders"))));
        AssertSilence();
    }

    [Theory]
    [InlineData("system:serviceaccount:default:somebody")]
    [InlineData("")]
    public async Task A_pod_that_did_not_ask_passes_in_silence_whoever_makes_it(string username)
    {
        Assert.Same(AdmissionAnswer.Unchanged, await injections.AskAsync(Injections.Pod(), username));
        AssertSilence();
    }

    [Fact]
    public async Task A_pod_that_did_not_ask_passes_even_if_the_rest_of_it_makes_no_sense()
    {
        var pod = Injections.Pod();
        pod["spec"] = "nonsense";
        Assert.Same(AdmissionAnswer.Unchanged, await injections.AskAsync(pod));
        AssertSilence();
    }

    [Fact]
    public async Task Another_kind_passes_and_is_counted()
    {
        Assert.Same(AdmissionAnswer.Unchanged, await injections.AskAsync(Injections.EnabledPod(), kind: "Deployment"));
        Assert.Equal([("", "pod_patch")], injections.Events.Failed);
    }

    [Fact]
    public async Task A_caller_that_is_not_listed_makes_a_pod_without_sidecar_and_the_log_says_which()
    {
        Assert.Same(AdmissionAnswer.Unchanged, await injections.AskAsync(Injections.EnabledPod(), "system:serviceaccount:ci:runner"));
        Assert.Equal([("orders", "pod_patch")], injections.Events.Failed);
        Assert.Contains(injections.Log.Lines, l => l.Level == LogLevel.Error
            && l.Text.StartsWith("service account 'system:serviceaccount:ci:runner' not on the list of allowed controller accounts", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("containers")]
    [InlineData("initContainers")]
    public async Task A_pod_that_has_a_sidecar_stays_as_it_is(string list)
    {
        var pod = Injections.EnabledPod();
        var containers = pod["spec"]![list] as JsonArray ?? [];
        containers.Add(new JsonObject { ["name"] = "daprd", ["image"] = "mine" });
        pod["spec"]![list] = containers.DeepClone();
        Assert.Same(AdmissionAnswer.Unchanged, await injections.AskAsync(pod));
        AssertSilence();
    }

    [Fact]
    public async Task An_injected_pod_is_not_injected_again()
    {
        var pod = await injections.InjectAsync(Injections.EnabledPod());
        Assert.Same(AdmissionAnswer.Unchanged, await injections.AskAsync(pod));
    }

    [Fact]
    public async Task A_pod_of_a_controller_without_app_id_is_refused()
    {
        var answer = await injections.AskAsync(Injections.Pod(("dapr.io/enabled", "true")));
        Assert.Equal("value for the dapr.io/app-id annotation is empty", answer.Refusal);
        Assert.Equal([("", "patch")], injections.Events.Failed);
    }

    [Theory]
    [InlineData("Orders")]
    [InlineData("orders.v1")]
    [InlineData("orders-that-have-a-name-of-more-than-fifty-eight-characters-")]
    public async Task An_app_id_that_can_not_be_is_refused(string appId)
    {
        var answer = await injections.AskAsync(Injections.Pod(("dapr.io/enabled", "true"), ("dapr.io/app-id", appId)));
        Assert.StartsWith($"invalid app id (input: '{appId}', service: '{appId}-dapr'): ", answer.Refusal, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_bare_pod_is_known_by_its_name()
    {
        var pod = Injections.Pod(("dapr.io/enabled", "true"));
        pod["metadata"]!["name"] = "shipping";
        var injected = await injections.InjectAsync(pod);
        Assert.Equal("shipping", (string)injected["metadata"]!["labels"]!["dapr.io/app-id"]!);
        Assert.Equal(["shipping"], injections.Events.Succeeded);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("""{"metadata":{"annotations":{"dapr.io/enabled":"true"}},"spec":{"containers":{}}}""")]
    [InlineData("""{"metadata":{"annotations":{"dapr.io/enabled":"true"}},"spec":{"containers":[1]}}""")]
    [InlineData("""{"metadata":{"annotations":{"dapr.io/enabled":"true","dapr.io/app-id":"a","dapr.io/config":1}},"spec":{}}""")]
    [InlineData("""{"metadata":{"annotations":[]},"spec":{}}""")]
    [InlineData("""{"metadata":{"annotations":{"dapr.io/enabled":true}},"spec":{}}""")]
    public async Task An_object_that_is_no_pod_is_refused(string json)
        => Assert.StartsWith("could not unmarshal raw object: ", (await injections.AskAsync(JsonNode.Parse(json))).Refusal, StringComparison.Ordinal);

    [Fact]
    public async Task An_object_that_is_no_pod_passes_when_its_maker_is_not_listed()
        => Assert.Same(AdmissionAnswer.Unchanged, await injections.AskAsync(JsonNode.Parse("[]"), "somebody"));

    [Fact]
    public async Task A_pod_that_wants_containers_of_components_is_refused_when_they_can_not_be_listed()
    {
        var broken = new Injections { Cluster = new FixedCluster { ListFailure = new HttpRequestException("connection refused") } };
        var answer = await broken.AskAsync(Injections.EnabledPod(("dapr.io/inject-pluggable-components", "true")));
        Assert.Equal("error when fetching components: connection refused", answer.Refusal);
        Assert.Equal([("orders", "patch")], broken.Events.Failed);
    }

    private void AssertSilence()
    {
        Assert.Empty(injections.Log.Lines);
        Assert.Empty(injections.Events.Failed);
        Assert.Empty(injections.Events.Succeeded);
    }
}
