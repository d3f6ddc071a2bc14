namespace DaprK8s.Operator.Tests.Validation;

public sealed class OtherKindsTests
{
    private static readonly Cluster PubSub = new Cluster().WithComponent("pubsub", "pubsub.redis").WithComponent("store", "state.redis");

    [Theory]
    [InlineData("v1alpha1", """ "spec":{"pubsubname":"pubsub","topic":"t","route":"/r"} """)]
    [InlineData("v2alpha1", """ "spec":{"pubsubname":"pubsub","topic":"t","routes":{"default":"/r"}} """)]
    [InlineData("v2alpha1", """ "spec":{"pubsubname":"pubsub","topic":"t","routes":{"rules":[{"match":"event.type == 'a'","path":"/a"},{"match":"","path":"/b"}]}} """)]
    public void A_right_subscription_is_accepted(string version, string members)
        => Judging.Accepted(new Judging(PubSub).Apply("Subscription", members, version));

    [Theory]
    [InlineData("""{"pubsubname":"store","topic":"t","routes":{"default":"/r"}}""",
        "spec.pubsubname: component \"store\" is a state.redis, not a pub/sub component; name a component of a type pubsub.*")]
    [InlineData("""{"pubsubname":"","topic":"t","routes":{"default":"/r"}}""", "spec.pubsubname: must not be empty; name a pub/sub component")]
    [InlineData("""{"pubsubname":"pubsub","topic":"","routes":{"default":"/r"}}""", "spec.topic: must not be empty; name the topic to subscribe to")]
    [InlineData("""{"pubsubname":"pubsub","topic":"t","routes":{"rules":[{"match":"event.type = 'a'","path":"/a"}]}}""",
        "spec.routes.rules[0].match: is no CEL expression: unexpected character '=' at position 12; equality is ==; write one such as event.type == \"order\"")]
    [InlineData("""{"pubsubname":"pubsub","topic":"t","routes":{"rules":[{"match":"true","path":""}]}}""",
        "spec.routes.rules[0].path: must not be empty; give the path that matching messages go to, such as /orders")]
    public void A_subscription_that_can_not_be_is_refused(string spec, string message)
        => Judging.Refused("Subscription \"x\": " + message, new Judging(PubSub).Apply("Subscription", $"\"spec\":{spec}", "v2alpha1"));

    [Theory]
    [InlineData("""{"pubsubname":"later","topic":"t","routes":{"default":"/r"}}""",
        "spec.pubsubname: there is no component \"later\" in namespace default yet; the subscription begins when there is")]
    [InlineData("""{"pubsubname":"pubsub","topic":"t","deadLetterTopic":"t","routes":{"default":"/r"}}""",
        "spec.deadLetterTopic: is the subscribed topic itself, so a message that can't be delivered comes again and again")]
    [InlineData("""{"pubsubname":"pubsub","topic":"t","routes":{}}""",
        "spec.routes: has neither rules nor a default, so every message is dropped; give a default such as /orders")]
    [InlineData("""{"pubsubname":"pubsub","topic":"t","routes":{"rules":[{"match":" ","path":"/a"},{"match":"true","path":"/b"}]}}""",
        "spec.routes.rules[0].match: is empty and matches every message, so the rules after it are never tried")]
    [InlineData("""{"pubsubname":"pubsub","topic":"t","routes":{"rules":[{"match":"type == 'a'","path":"/a"}]}}""", null)]
    [InlineData("""{"pubsubname":"pubsub","topic":"t","routes":{"rules":[{"match":"message.type == 'a'","path":"/a"}]}}""",
        "spec.routes.rules[0].match: reads \"message\", which has no value; the message is \"event\", as in event.type == \"order\"")]
    public void A_subscription_that_may_not_do_what_is_meant_is_warned_about(string spec, string? warning)
    {
        var verdict = new Judging(PubSub).Apply("Subscription", $"\"spec\":{spec}", "v2alpha1");
        if (warning is null)
        {
            Judging.Accepted(verdict);
        }
        else
        {
            Judging.Warned(warning, verdict);
        }
    }

    [Fact]
    public void A_right_resiliency_is_accepted()
        => Judging.Accepted(new Judging(new Cluster().WithResiliency("""{"metadata":{"name":"y"},"spec":{"policies":{"timeouts":{"slow":"1m"}}}}""")).Apply("Resiliency", """
            "spec":{"policies":{"retries":{"again":{"policy":"constant","duration":"1s","maxRetries":3}}},
              "targets":{"apps":{"a":{"retry":"again","timeout":"slow"},"b":{"retry":"DaprBuiltInServiceRetries"}}}}
            """));

    [Theory]
    [InlineData("""{"policies":{"retries":{"again":{}}},"targets":{"apps":{"a":{"retry":"agin"}}}}""",
        "spec.targets.apps.a.retry: there is no \"agin\" in spec.policies.retries; did you mean again?")]
    [InlineData("""{"policies":{"retries":{"again":{}}},"targets":{"components":{"a":{"outbound":{"timeout":"again"}}}}}""",
        "spec.targets.components.a.outbound.timeout: there is no \"again\" in spec.policies.timeouts")]
    [InlineData("""{"policies":{"timeouts":{"a":"5 seconds"}},"targets":{}}""",
        "spec.policies.timeouts.a: \"5 seconds\" is no duration; write one such as 500ms or 5s, or a number of milliseconds")]
    public void A_resiliency_that_does_not_parse_is_refused(string spec, string message)
        => Judging.Refused("Resiliency \"x\": " + message, new Judging().Apply("Resiliency", $"\"spec\":{spec}"));

    [Fact]
    public void A_setting_without_effect_is_warned_about()
        => Judging.Warned(
            "spec.policies.retries.a.maxInterval: has no effect with the policy constant; use duration, or the policy exponential",
            new Judging().Apply("Resiliency", """ "spec":{"policies":{"retries":{"a":{"maxInterval":"1s"}}},"targets":{}} """));

    [Theory]
    [InlineData("api.example.com", "spec.baseUrl: \"api.example.com\" is no absolute URL; write one such as https://api.example.com")]
    [InlineData("/x", "spec.baseUrl: \"/x\" is no absolute URL; write one such as https://api.example.com")]
    [InlineData("ftp://x", "spec.baseUrl: \"ftp://x\" is no http or https URL; write one such as https://api.example.com")]
    public void An_endpoint_needs_an_absolute_URL(string url, string message)
        => Judging.Refused("HTTPEndpoint \"x\": " + message, new Judging().Apply("HTTPEndpoint", $$""" "spec":{"baseUrl":"{{url}}"} """));

    [Fact]
    public void An_endpoint_is_checked_for_its_secrets_and_its_certificate()
    {
        Judging.Accepted(new Judging().Apply("HTTPEndpoint", """ "spec":{"baseUrl":"https://api.example.com/v1"} """));
        Judging.Warned(
            "spec.headers[0] (key).secretKeyRef: there is no Secret \"s\" in namespace default yet",
            new Judging().Apply("HTTPEndpoint", """ "spec":{"baseUrl":"https://x","headers":[{"name":"key","secretKeyRef":{"name":"s"}}]} """));
        Judging.Refused(
            "HTTPEndpoint \"x\": spec.clientTLS: has only one of certificate and privateKey; a client certificate needs both",
            new Judging().Apply("HTTPEndpoint", """ "spec":{"baseUrl":"https://x","clientTLS":{"certificate":{"value":"pem"}}} """));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"tracing":{"samplingRate":"0.5","otel":{"protocol":"grpc","endpointAddress":"x:4317","isSecure":false,"headers":[{"name":"a","value":"b"}]}},"metric":{"enabled":true},"metrics":{"enabled":true}}""")]
    [InlineData("""{"httpPipeline":{"handlers":[{"name":"r","type":"middleware.http.ratelimit"}]},"mtls":{"enabled":true,"workloadCertTTL":"24h"}}""")]
    [InlineData("""{"accessControl":{"defaultAction":"Deny","policies":[{"appId":"a","trustDomain":"public","namespace":"n","operations":[{"name":"/x","httpVerb":["GET","*"],"action":"allow"}]}]}}""")]
    [InlineData("""{"api":{"allowed":[{"name":"state","version":"v1.0","protocol":"http"},{"name":"invoke","version":"v1","protocol":"grpc"}]},"components":{"deny":["state.redis/v1"]}}""")]
    public void A_right_configuration_is_accepted(string spec) => Judging.Accepted(new Judging().Apply("Configuration", $"\"spec\":{spec}"));

    [Theory]
    [InlineData("""{"tracing":{"samplingRate":"1.5"}}""", "spec.tracing.samplingRate: must be a number from 0 to 1, is \"1.5\"; \"0.1\" traces one request in ten")]
    [InlineData("""{"tracing":{"samplingRate":"all"}}""", "spec.tracing.samplingRate: must be a number from 0 to 1, is \"all\"; \"0.1\" traces one request in ten")]
    [InlineData("""{"tracing":{"otel":{"protocol":"tcp"}}}""", "spec.tracing.otel.protocol: must be grpc or http, is \"tcp\"")]
    [InlineData("""{"tracing":{"otel":{"headers":[{"name":"k","secretKeyRef":{"name":"s"}}]}}}""",
        "spec.tracing.otel.headers[0].secretKeyRef.key (k): must not be empty here; name the key of the Secret")]
    [InlineData("""{"mtls":{"workloadCertTTL":"1 day"}}""", "spec.mtls.workloadCertTTL: \"1 day\" is no duration; write one such as 30s or 24h")]
    [InlineData("""{"workflow":{"stateRetentionPolicy":{"completed":"7d"}}}""",
        "spec.workflow.stateRetentionPolicy.completed: \"7d\" is no duration; write one such as 30s or 24h")]
    [InlineData("""{"accessControl":{"defaultAction":"block"}}""", "spec.accessControl.defaultAction: must be allow or deny, is \"block\"")]
    [InlineData("""{"accessControl":{"defaultAction":"deny","policies":[{"appId":"a","trustDomain":"public"}]}}""",
        "spec.accessControl.policies[0].namespace (a): must be given, or sidecars do not start")]
    [InlineData("""{"secrets":{"scopes":[{"storeName":"a"},{"storeName":"a"}]}}""",
        "spec.secrets.scopes[1].storeName: \"a\" is repeated; put what holds for a store into one scope")]
    [InlineData("""{"secrets":{"scopes":[{"storeName":"a","defaultAccess":"none"}]}}""", "spec.secrets.scopes[0].defaultAccess: must be allow or deny, is \"none\"")]
    [InlineData("""{"api":{"denied":[{"name":"state","version":"v1","protocol":"tcp"}]}}""", "spec.api.denied[0].protocol: must be http or grpc, is \"tcp\"")]
    public void A_configuration_that_no_sidecar_starts_with_is_refused(string spec, string message)
    {
        var verdict = new Judging(new Cluster().WithSecret("s", "s")).Apply("Configuration", $"\"spec\":{spec}");

        Judging.Refused("Configuration \"x\": " + message, verdict);
    }

    [Fact]
    public void A_pattern_of_metrics_must_be_a_regular_expression()
        => Assert.StartsWith(
            "Configuration \"x\": spec.metrics.rules[0] (m, label path): \"(\" is no regular expression: ",
            new Judging().Apply("Configuration", """ "spec":{"metrics":{"enabled":true,"rules":[{"name":"m","labels":[{"name":"path","regex":{"x":"("}}]}]}} """).Message);

    [Theory]
    [InlineData("""{"httpPipeline":{"handlers":[{"name":"r","type":"middleware.http.ratelimits"}]}}""",
        "spec.httpPipeline.handlers[0].type: there is no middleware \"middleware.http.ratelimits\"; did you mean middleware.http.ratelimit?")]
    [InlineData("""{"appHttpPipeline":{"handlers":[{"name":"r","type":"state.redis"}]}}""",
        "spec.appHttpPipeline.handlers[0].type: state.redis is no middleware, the handler is skipped; use a type middleware.http.*")]
    [InlineData("""{"api":{"allowed":[{"name":"state","version":"v1"}]}}""", "spec.api.allowed[0].protocol: is empty, so the rule has no effect; use http or grpc")]
    [InlineData("""{"components":{"deny":["state.reds"]}}""", "spec.components.deny[0]: there is no component type \"state.reds\"; did you mean state.redis?")]
    public void A_configuration_that_may_not_do_what_is_meant_is_warned_about(string spec, string warning)
        => Judging.Warned(warning, new Judging().Apply("Configuration", $"\"spec\":{spec}"));

    [Fact]
    public void An_MCP_server_and_a_workflow_policy_keep_to_the_rules_of_sidecars()
    {
        Judging.Accepted(new Judging().Apply("MCPServer", """ "spec":{"endpoint":{"streamableHTTP":{"url":"https://x/mcp"}}} """));
        Judging.Refused(
            "MCPServer \"x\": spec.endpoint: MCPServer \"x\": stdio transport is not allowed in Kubernetes mode",
            new Judging().Apply("MCPServer", """ "spec":{"endpoint":{"stdio":{"command":"x"}}} """));
        Judging.Refused(
            "MCPServer \"x\": spec.endpoint.sse.auth.oauth2.secretKeyRef: is required for OAuth2 client credentials; name the secret of the client",
            new Judging().Apply("MCPServer", """ "spec":{"endpoint":{"sse":{"url":"https://x","auth":{"oauth2":{"issuer":"https://i"}}}}} """));
        Judging.Accepted(new Judging().Apply("WorkflowAccessPolicy", """ "spec":{"rules":[{"callers":[{"appID":"a"}],"activities":[{"name":"x"}]}]} """));
        Judging.Refused(
            "WorkflowAccessPolicy \"x\": spec.rules[0]: at least one of workflows or activities must contain a rule",
            new Judging().Apply("WorkflowAccessPolicy", """ "spec":{"rules":[{"callers":[{"appID":"a"}]}]} """));
    }
}
