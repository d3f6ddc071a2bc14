using System.Text.Json.Nodes;
using DaprK8s.Operator.Validation;

namespace DaprK8s.Operator.Tests.Validation;

public sealed class ComponentRulesTests
{
    private const string Redis = """{"name":"redisHost","value":"redis:6379"}""";

    [Theory]
    [InlineData("state.redis", "v1", Redis)]
    [InlineData("State.Redis", "V1", Redis)]
    [InlineData("state.redis", "v0", Redis)]
    [InlineData("state.redis", "", Redis)]
    [InlineData("state.in-memory", "v1", "")]
    [InlineData("state.redis", "v1", Redis + """,{"name":"redisDB","value":3},{"name":"REDISPASSWORD","value":"p"},{"name":"keyPrefix","value":"name"},{"name":"actorStateStore","value":true}""")]
    [InlineData("state.redis", "v1", """{"name":"redisHost","envRef":"HOST"}""")]
    [InlineData("state.redis", "v1", Redis + """,{"name":"redisDB","value":"{uuid}"}""")]
    [InlineData("pubsub.redis", "v1", Redis + """,{"name":"consumerID","value":"{appID}"},{"name":"allowedTopics","value":"a,b"}""")]
    public void A_right_component_is_accepted(string type, string version, string items)
        => Judging.Accepted(Apply(type, version, items));

    [Theory]
    [InlineData("state.reddis", """spec.type: there is no component type "state.reddis"; did you mean state.redis?""")]
    [InlineData("state.", "spec.type: there is no component type \"state.\".")]
    [InlineData("stat.foo", "spec.type: there is no component type \"stat.foo\": \"stat\" is no building block, types begin with state, pubsub, ")]
    [InlineData("nameresolution.mdns", "spec.type: \"nameresolution.mdns\" can't be a Component; name resolution is chosen by spec.nameResolution")]
    [InlineData("workflow.dapr", "spec.type: there is no component type \"workflow.dapr\": \"workflow\" is no building block")]
    [InlineData("", "spec.type: must not be empty")]
    public void An_unknown_type_is_refused(string type, string message)
    {
        var verdict = Apply(type, "v1", "");

        Assert.False(verdict.Allowed);
        Assert.StartsWith("Component \"x\": " + message, verdict.Message);
    }

    [Fact]
    public void A_pluggable_component_may_have_any_type()
    {
        var pluggable = Judging.Object("Component", """ "spec":{"type":"state.mine","version":"v9","metadata":[{"name":"whatever","value":1}]} """);
        pluggable["metadata"]!["annotations"] = new JsonObject { ["dapr.io/component-container"] = "{}" };

        Judging.Accepted(new Judging().Ask(new JsonObject { ["operation"] = "CREATE", ["object"] = pluggable }));
    }

    [Theory]
    [InlineData("state.mine")]
    [InlineData("state.*")]
    [InlineData("state.")]
    [InlineData("*.MINE")]
    public void A_type_on_the_list_is_taken_unseen(string pattern)
        => Judging.Accepted(new Judging(null, "pubsub.x", pattern).Apply("Component", """ "spec":{"type":"state.mine","version":"v1","metadata":[]} """));

    [Fact]
    public void A_type_that_only_Dapr_has_is_warned_about()
        => Judging.Warned(
            "spec.type: state.aerospike/v1 is known to Dapr but not to sidecars of this version, which can't load it",
            Apply("state.aerospike", "v1", """{"name":"anything","value":1}"""));

    [Theory]
    [InlineData("state.redis", "v3", """spec.version: state.redis has no version "v3"; use v1""")]
    [InlineData("state.postgres", "v3", """spec.version: state.postgres has no version "v3"; use v1 or v2""")]
    [InlineData("state.yugabytedb", "v1", """spec.version: state.yugabytedb has no version "v1"; use v2""")]
    public void An_unknown_version_is_refused_and_the_known_ones_are_listed(string type, string version, string message)
        => Judging.Refused("Component \"x\": " + message, Apply(type, version, Redis));

    [Theory]
    [InlineData("")]
    [InlineData("""{"name":"redisHost","value":""}""")]
    [InlineData("""{"name":"redisHost"}""")]
    public void A_missing_field_is_named(string items)
        => Judging.Refused("Component \"x\": spec.metadata: state.redis needs the field redisHost; add an item with that name and a value", Apply("state.redis", "v1", items));

    [Theory]
    [InlineData("redisDB", "\"one\"", "must be a whole number from 0 to 2147483647, is \"one\"")]
    [InlineData("redisDB", "-1", "must be a whole number from 0 to 2147483647, is \"-1\"")]
    [InlineData("redisdb", "1.5", "must be a whole number from 0 to 2147483647, is \"1.5\"")]
    [InlineData("enableTLS", "\"yes\"", "must be true or false, is \"yes\"")]
    [InlineData("dialTimeout", "\"soon\"", "must be a duration such as 500ms (a bare number counts milliseconds), is \"soon\"")]
    [InlineData("redisType", "\"ring\"", "must be one of node, cluster, sentinel, is \"ring\"")]
    public void A_value_of_the_wrong_type_is_refused_with_its_place(string field, string value, string message)
        => Judging.Refused(
            $"Component \"x\": spec.metadata[1].value ({field}): {message}",
            Apply("state.redis", "v1", Redis + $$""",{"name":"{{field}}","value":{{value}}}"""));

    [Fact]
    public void A_value_from_elsewhere_is_not_judged()
    {
        var cluster = new Cluster().WithSecret("redis", "db");

        Judging.Accepted(new Judging(cluster).Apply("Component", Spec("state.redis", "v1", Redis + """,{"name":"redisDB","secretKeyRef":{"name":"redis","key":"db"}}""")));
        Judging.Accepted(Apply("state.redis", "v1", Redis + """,{"name":"redisDB","envRef":"DB"}"""));
    }

    [Fact]
    public void A_name_given_twice_is_refused_whatever_its_case()
        => Judging.Refused(
            "Component \"x\": spec.metadata[1].name (REDISHOST): is given twice, as spec.metadata[0] has the same name (case does not count); remove one",
            Apply("state.redis", "v1", Redis + """,{"name":"REDISHOST","value":"b"}"""));

    [Fact]
    public void A_field_that_there_is_not_is_warned_about()
        => Judging.Warned(
            "spec.metadata[1].name (redisPasword): state.redis has no such field, it is ignored; did you mean redisPassword?",
            Apply("state.redis", "v1", Redis + """,{"name":"redisPasword","value":"p"}"""));

    [Fact]
    public void A_value_and_a_secret_is_warned_about()
        => Judging.Warned(
            "spec.metadata[1] (redisPassword): has both value and secretKeyRef; the secret wins, leave value out",
            new Judging(new Cluster().WithSecret("s", "s")).Apply("Component", Spec("state.redis", "v1", Redis + """,{"name":"redisPassword","value":"p","secretKeyRef":{"name":"s"}}""")));

    [Fact]
    public void An_absent_secret_is_warned_about()
        => Judging.Warned(
            "spec.metadata[1] (redisPassword).secretKeyRef: there is no Secret \"s\" in namespace default yet",
            Apply("state.redis", "v1", Redis + """,{"name":"redisPassword","secretKeyRef":{"name":"s","key":"k"}}"""));

    [Fact]
    public void An_absent_key_is_warned_about()
        => Judging.Warned(
            "spec.metadata[1] (redisPassword).secretKeyRef: Secret \"s\" has no key \"pasword\" yet; did you mean password?",
            new Judging(new Cluster().WithSecret("s", "password")).Apply("Component", Spec("state.redis", "v1", Redis + """,{"name":"redisPassword","secretKeyRef":{"name":"s","key":"pasword"}}""")));

    [Fact]
    public void Secrets_that_can_not_be_read_keep_nobody_from_applying()
        => Judging.Accepted(new Judging(new Cluster { HidesSecrets = true }).Apply(
            "Component", Spec("state.redis", "v1", Redis + """,{"name":"redisPassword","secretKeyRef":{"name":"s"}}""")));

    [Fact]
    public void A_secret_store_that_is_not_there_is_warned_about_and_one_that_is_none_refused()
    {
        var members = Spec("state.redis", "v1", Redis + """,{"name":"redisPassword","secretKeyRef":{"name":"s"}}""") + ""","auth":{"secretStore":"vault"}""";

        Judging.Warned(
            "auth.secretStore: there is no secret store component \"vault\" in namespace default yet; until there is, the secrets stay unresolved",
            new Judging().Apply("Component", members));
        Judging.Accepted(new Judging(new Cluster().WithComponent("vault", "secretstores.hashicorp.vault")).Apply("Component", members));
        Judging.Refused(
            "Component \"x\": auth.secretStore: component \"vault\" is a state.redis, not a secret store; name a component of a type secretstores.*",
            new Judging(new Cluster().WithComponent("vault", "state.redis")).Apply("Component", members));
    }

    [Fact]
    public void A_time_to_initialise_must_be_a_duration()
    {
        const string spec = """ "spec":{"type":"state.in-memory","version":"v1","metadata":[],"initTimeout":"%"} """;

        Judging.Accepted(new Judging().Apply("Component", spec.Replace("%", "30s")));
        Judging.Accepted(new Judging().Apply("Component", spec.Replace("%", "")));
        Judging.Refused("Component \"x\": spec.initTimeout: \"30\" is no duration; write one such as 30s or 1m", new Judging().Apply("Component", spec.Replace("%", "30")));
    }

    [Fact]
    public void All_faults_are_told_at_once()
        => Judging.Refused(
            """
            Component "x" has 2 faults:
              - spec.metadata: state.redis needs the field redisHost; add an item with that name and a value
              - spec.metadata[0].value (redisDB): must be a whole number from 0 to 2147483647, is "x"
            """.ReplaceLineEndings("\n"),
            Apply("state.redis", "v1", """{"name":"redisDB","value":"x"}"""));

    private static string Spec(string type, string version, string items)
        => $$""" "spec":{"type":"{{type}}","version":"{{version}}","metadata":[{{items}}]} """;

    private static Verdict Apply(string type, string version, string items) => new Judging().Apply("Component", Spec(type, version, items));
}
