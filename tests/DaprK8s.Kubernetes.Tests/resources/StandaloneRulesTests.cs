using System.Text;
using System.Text.Json.Nodes;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Resources;

namespace DaprK8s.Kubernetes.Tests.Resources;

/// <summary>What the sidecar refuses where no API server does it.</summary>
public sealed class StandaloneRulesTests
{
    private const string OneTransport = "spec.endpoint: exactly one of streamableHTTP, sse, or stdio must be set";

    [Theory]
    [InlineData("""{"endpoint":{"streamableHTTP":{"url":"https://x/mcp"}}}""")]
    [InlineData("""{"endpoint":{"sse":{"url":"http://x:1","timeout":"1m","headers":[{"name":"a"}]}}}""")]
    [InlineData("""{"endpoint":{"stdio":{"command":"tool","env":[{"name":"A","value":"b"}]}},"middleware":{"beforeListTools":[{"workflow":{"workflowName":"w"}}]}}""")]
    public void A_right_MCP_server_has_no_problem(string spec)
    {
        var server = Server(spec);

        Assert.Empty(McpServerRules.CheckSchema(server));
        Assert.Null(McpServerRules.CheckSecurity(server, inKubernetes: false));
    }

    [Theory]
    [InlineData("""{"endpoint":{}}""", OneTransport)]
    [InlineData("{}", OneTransport)]
    [InlineData("""{"endpoint":{"sse":{"url":"http://x"},"stdio":{"command":"x"}}}""", OneTransport)]
    [InlineData("""{"endpoint":{"sse":{"url":""}}}""", "spec.endpoint.sse.url: is required")]
    [InlineData("""{"endpoint":{"stdio":{}}}""", "spec.endpoint.stdio.command: is required")]
    [InlineData("""{"endpoint":{"sse":{"url":"http://x","timeout":"soon"}}}""", "spec.endpoint.sse.timeout: \"soon\" is no duration")]
    [InlineData("""{"endpoint":{"sse":{"url":"http://x","auth":{"oauth2":{}}}}}""", "spec.endpoint.sse.auth.oauth2.issuer: is required")]
    [InlineData("""{"endpoint":{"sse":{"url":"http://x","auth":{"spiffe":{"jwt":{"header":"h"}}}}}}""", "spec.endpoint.sse.auth.spiffe.jwt.audience: is required")]
    [InlineData("""{"endpoint":{"sse":{"url":"http://x","headers":[{"value":"v"}]}}}""", "spec.endpoint.sse.headers[0].name: is required")]
    [InlineData("""{"endpoint":{"sse":{"url":"http://x"}},"middleware":{"afterCallTool":[{"workflow":{}}]}}""", "spec.middleware.afterCallTool[0].workflow.workflowName: is required")]
    public void What_the_schema_refuses_is_refused(string spec, string problem)
        => Assert.StartsWith(problem, Assert.Single(McpServerRules.CheckSchema(Server(spec))).ToString());

    [Theory]
    [InlineData("""{"sse":{"url":"ftp://x"}}""", "sse.url scheme must be http or https, got \"ftp\"")]
    [InlineData("""{"streamableHTTP":{"url":"/x"}}""", "streamableHTTP.url scheme must be http or https, got \"\"")]
    [InlineData("""{"sse":{"url":"http:///x"}}""", "sse.url must have a host")]
    [InlineData("""{"sse":{"url":"http://user@:80/x"}}""", "sse.url must have a host")]
    [InlineData("""{"stdio":{"command":"a/../../x"}}""", "stdio.command must not escape working directory")]
    [InlineData("""{"stdio":{"command":"x","env":[{"name":"A=B"}]}}""", "stdio.env name \"A=B\" contains invalid characters")]
    public void What_is_not_safe_is_refused_in_the_words_of_the_contract(string endpoint, string problem)
        => Assert.Equal($"MCPServer \"m\": {problem}", McpServerRules.CheckSecurity(Server($$"""{"endpoint":{{endpoint}} }"""), inKubernetes: false));

    [Theory]
    [InlineData("/usr/bin/tool")]
    [InlineData("./tool")]
    [InlineData("a/../tool")]
    public void A_process_inside_its_directory_or_by_its_full_path_may_run(string command)
        => Assert.Null(McpServerRules.CheckSecurity(Server($$$"""{"endpoint":{"stdio":{"command":"{{{command}}}"} } }"""), inKubernetes: false));

    [Fact]
    public void In_Kubernetes_no_process_is_started()
        => Assert.Equal(
            "MCPServer \"m\": stdio transport is not allowed in Kubernetes mode",
            McpServerRules.CheckSecurity(Server("""{"endpoint":{"stdio":{"command":"x"}}}"""), inKubernetes: true));

    [Fact]
    public void A_right_policy_has_no_problem()
        => Assert.Empty(Check("""
            [{"callers":[{"appID":"a"}],"workflows":[{"name":"w*","operations":["schedule"],"requires":[{"eventType":"event.raised","name":"n","appID":"b"}]}],
              "activities":[{"name":"x"}]}]
            """));

    [Theory]
    [InlineData("""[{"callers":[{"appID":"a"}]}]""", "spec.rules[0]: at least one of workflows or activities must contain a rule")]
    [InlineData("""[{"callers":[],"activities":[{"name":"x"}]}]""", "spec.rules[0].callers: must have at least 1 item")]
    [InlineData("""[{"callers":[{"appID":""}],"activities":[{"name":"x"}]}]""", "spec.rules[0].callers[0].appID: is required")]
    [InlineData("""[{"callers":[{"appID":"a"}],"workflows":[{"name":"w","operations":[]}]}]""", "spec.rules[0].workflows[0].operations: must have at least 1 item")]
    [InlineData("""[{"callers":[{"appID":"a"}],"workflows":[{"name":"w","operations":["start"]}]}]""", "spec.rules[0].workflows[0].operations[0]: must be one of schedule, ")]
    [InlineData("""[{"callers":[{"appID":"a"}],"workflows":[{"name":"w","operations":["get","get"]}]}]""", "spec.rules[0].workflows[0].operations: has the same operation twice")]
    [InlineData("""[{"callers":[{"appID":"a"}],"workflows":[{"name":"w","operations":["get"],"requires":[{"eventType":"event.raised","name":"n","appID":"b"}]}]}]""", "spec.rules[0].workflows[0]: requires is only valid when the rule's only operation is 'schedule'")]
    [InlineData("""[{"callers":[{"appID":"a"}],"activities":[{"name":"x","requires":[{"eventType":"x","name":"n","appID":"b"}]}]}]""", "spec.rules[0].activities[0].requires[0].eventType: must be one of activity.started, ")]
    public void What_a_policy_may_not_say_is_refused(string rules, string problem)
        => Assert.StartsWith(problem, Assert.Single(Check(rules)).ToString());

    [Fact]
    public void Lists_and_names_have_limits()
    {
        var callers = new JsonArray([.. Enumerable.Range(0, 101).Select(i => new JsonObject { ["appID"] = $"a{i}" })]);
        var rules = new JsonArray(new JsonObject
        {
            ["callers"] = callers,
            ["activities"] = new JsonArray(new JsonObject { ["name"] = new string('x', 257) }),
        });

        Assert.Equal(
            ["spec.rules[0].callers: must have at most 100 items, has 101", "spec.rules[0].activities[0].name: must have at most 256 characters"],
            Check(rules.ToJsonString()).Select(p => p.ToString()));
    }

    private static McpServer Server(string spec)
        => SidecarDocument.Read(Encoding.UTF8.GetBytes($$"""{"metadata":{"name":"m"},"spec":{{spec}} }"""), DaprResources.McpServers.Json);

    private static IReadOnlyList<ResourceProblem> Check(string rules)
        => WorkflowAccessPolicyRules.CheckSchema(SidecarDocument.Read(
            Encoding.UTF8.GetBytes($$$"""{"metadata":{"name":"p"},"spec":{"rules":{{{rules}}} } }"""), DaprResources.WorkflowAccessPolicies.Json));
}
