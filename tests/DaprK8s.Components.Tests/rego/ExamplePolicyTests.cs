namespace DaprK8s.Components.Tests.Rego;

/// <summary>Whole policies, of the kinds that people write.</summary>
public sealed class ExamplePolicyTests
{
    private const string Roles = """
        default allow = false

        # Who may do what.
        grants = {
            "viewer": [{"action": "read", "type": "post"}],
            "editor": [{"action": "read", "type": "post"}, {"action": "write", "type": "post"}],
        }

        roles = {"ann": ["viewer"], "bob": ["viewer", "editor"], "eve": []}

        allow {
            role := roles[input.user][_]
            grant := grants[role][_]
            grant.action == input.action
            grant.type == input.type
        }

        allow { input.user == "root" }
        """;

    private const string Network = """
        import future.keywords.contains
        import future.keywords.every
        import future.keywords.if
        import future.keywords.in

        default allow := false

        allow if count(violation) == 0

        violation contains server.id if {
            some server in public_servers
            "http" in {p | p := input.protocols[server.ports[_]]}
        }

        violation contains server.id if {
            some server in input.servers
            "telnet" in [input.protocols[p] | some p in server.ports]
        }

        public_servers contains server if {
            some i
            server := input.servers[_]
            input.networks[server.networks[i]].public
            not server.retired
        }

        every_named if every server in input.servers { regex.match(`^[a-z]{2,}-[0-9]+$`, server.id) }
        """;

    private const string NetworkInput = """
        {
          "protocols": {"80": "http", "443": "https", "23": "telnet"},
          "networks": {"net1": {"public": false}, "net2": {"public": true}},
          "servers": [
            {"id": "app-1", "ports": ["443"], "networks": ["net2"]},
            {"id": "db-2", "ports": ["80"], "networks": ["net1"]},
            {"id": "ci-3", "ports": ["80", "443"], "networks": ["net1", "net2"]},
            {"id": "bus-4", "ports": ["23"], "networks": ["net1"]}
          ]
        }
        """;

    private const string Quota = """
        allow = response {
            quota := object.get(limits, input.tier, {"requests": 1})
            response := {"allow": input.used < quota.requests, "additional_headers": {"x-left": format_int(max([0, quota.requests - input.used]), 10)}}
        }

        limits = {tier: {"requests": n} | some tier; n := numbers[tier]}
        numbers = {"free": 10, "paid": 100}
        """;

    [Theory]
    [InlineData("ann", "read", "true")]
    [InlineData("ann", "write", "false")]
    [InlineData("bob", "write", "true")]
    [InlineData("eve", "read", "false")]
    [InlineData("mallory", "read", "false")]
    [InlineData("root", "delete", "true")]
    public void Roles_grant_actions(string user, string action, string expected)
        => Assert.Equal(expected, Policy.Value(Roles, "allow", $$"""{"user": "{{user}}", "action": "{{action}}", "type": "post"}"""));

    [Theory]
    [InlineData("violation", "{\"bus-4\", \"ci-3\"}")]
    [InlineData("allow", "false")]
    [InlineData("every_named", "true")]
    public void Servers_break_rules_of_the_network(string rule, string expected) => Assert.Equal(expected, Policy.Value(Network, rule, NetworkInput));

    [Theory]
    [InlineData("free", 3, "{\"additional_headers\": {\"x-left\": \"7\"}, \"allow\": true}")]
    [InlineData("paid", 120, "{\"additional_headers\": {\"x-left\": \"0\"}, \"allow\": false}")]
    [InlineData("other", 1, "{\"additional_headers\": {\"x-left\": \"0\"}, \"allow\": false}")]
    public void A_quota_is_counted_down(string tier, int used, string expected)
        => Assert.Equal(expected, Policy.Value(Quota, "allow", $$"""{"tier": "{{tier}}", "used": {{used}}}"""));
}
