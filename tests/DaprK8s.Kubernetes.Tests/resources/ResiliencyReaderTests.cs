using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Resources;

namespace DaprK8s.Kubernetes.Tests.Resources;

public sealed class ResiliencyReaderTests
{
    [Fact]
    public void Policies_are_read_with_their_defaults()
    {
        var (definitions, problems) = Read("""
            {"policies":{
              "timeouts":{"fast":"500ms","number":250,"text":"1500"},
              "retries":{"plain":{},"again":{"policy":"Exponential","maxInterval":"10s","maxRetries":5,
                "matching":{"httpStatusCodes":"429,500-599,","gRPCStatusCodes":"14"}}},
              "circuitBreakers":{"plain":{},"cb":{"maxRequests":2,"interval":"8s","timeout":"30s","trip":"totalFailures > 3 && requests > 10"}}},
             "targets":{}}
            """);

        Assert.Empty(problems);
        Assert.Equal([500d, 250d, 1500d], definitions.Timeouts.Values.Select(t => t.TotalMilliseconds));
        Assert.Equivalent(new RetryDefinition(false, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(60), -1, [], []), definitions.Retries["plain"], strict: true);
        Assert.Equivalent(
            new RetryDefinition(true, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(10), 5, [new(429, 429), new(500, 599)], [new(14, 14)]),
            definitions.Retries["again"], strict: true);
        Assert.Equal(new CircuitBreakerDefinition(1, TimeSpan.Zero, TimeSpan.FromSeconds(60), "consecutiveFailures > 5"), definitions.CircuitBreakers["plain"]);
        Assert.Equal(new CircuitBreakerDefinition(2, TimeSpan.FromSeconds(8), TimeSpan.FromSeconds(30), "totalFailures > 3 && requests > 10"), definitions.CircuitBreakers["cb"]);
    }

    [Theory]
    [InlineData("""{"timeouts":{"a":"fast"}}""", "spec.policies.timeouts.a", "no duration")]
    [InlineData("""{"retries":{"a":{"policy":"linear"}}}""", "spec.policies.retries.a.policy", "use constant or exponential")]
    [InlineData("""{"retries":{"a":{"duration":"5 s"}}}""", "spec.policies.retries.a.duration", "no duration")]
    [InlineData("""{"retries":{"a":{"maxInterval":"x"}}}""", "spec.policies.retries.a.maxInterval", "no duration")]
    [InlineData("""{"retries":{"a":{"matching":{"httpStatusCodes":"500, 502"}}}}""", "spec.policies.retries.a.matching.httpStatusCodes", "no blanks")]
    [InlineData("""{"retries":{"a":{"matching":{"httpStatusCodes":"99"}}}}""", "spec.policies.retries.a.matching.httpStatusCodes", "100 to 599")]
    [InlineData("""{"retries":{"a":{"matching":{"httpStatusCodes":"599-500"}}}}""", "spec.policies.retries.a.matching.httpStatusCodes", "100 to 599")]
    [InlineData("""{"retries":{"a":{"matching":{"gRPCStatusCodes":"17"}}}}""", "spec.policies.retries.a.matching.gRPCStatusCodes", "0 to 16")]
    [InlineData("""{"circuitBreakers":{"a":{"trip":"consecutiveFailures >"}}}""", "spec.policies.circuitBreakers.a.trip", "no CEL expression")]
    [InlineData("""{"circuitBreakers":{"a":{"trip":"failures > 1"}}}""", "spec.policies.circuitBreakers.a.trip", "consecutiveFailures")]
    [InlineData("""{"circuitBreakers":{"a":{"interval":"x"}}}""", "spec.policies.circuitBreakers.a.interval", "no duration")]
    public void What_can_not_be_read_is_told_with_its_field(string policies, string path, string part)
    {
        var (definitions, problems) = Read($$"""{"policies":{{policies}},"targets":{} }""");

        var problem = Assert.Single(problems);
        Assert.Equal(path, problem.Path);
        Assert.Contains(part, problem.Message);
        Assert.Empty(definitions.Timeouts.Keys.Concat(definitions.Retries.Keys).Concat(definitions.CircuitBreakers.Keys));
    }

    [Theory]
    [InlineData("""{"circuitBreaker":"cb"}""", "must include scope")]
    [InlineData("""{"circuitBreakerScope":"actor"}""", "unknown circuit breaker scope \"actor\"")]
    public void A_circuit_breaker_of_actors_needs_a_scope(string target, string part)
    {
        var problem = Assert.Single(Read($$$"""{"policies":{},"targets":{"actors":{"A":{{{target}}} } } }""").Problems);

        Assert.Equal("spec.targets.actors.A.circuitBreakerScope", problem.Path);
        Assert.Contains(part, problem.Message);
    }

    [Fact]
    public void Every_policy_that_a_target_names_is_found()
    {
        var resource = Parse("""
            {"targets":{"apps":{"a":{"timeout":"t","retry":"r","circuitBreaker":"c"}},"actors":{"b":{"retry":"r2"}},
              "components":{"s":{"inbound":{"retry":"r3"},"outbound":{"timeout":"t2"}}}}}
            """);

        Assert.Equal(
            [
                ("spec.targets.apps.a.timeout", "timeouts", "t"), ("spec.targets.apps.a.retry", "retries", "r"),
                ("spec.targets.apps.a.circuitBreaker", "circuitBreakers", "c"), ("spec.targets.actors.b.retry", "retries", "r2"),
                ("spec.targets.components.s.inbound.retry", "retries", "r3"), ("spec.targets.components.s.outbound.timeout", "timeouts", "t2"),
            ],
            ResiliencyReader.References(resource));
    }

    private static (ResiliencyDefinitions Definitions, List<ResourceProblem> Problems) Read(string spec)
    {
        List<ResourceProblem> problems = [];
        return (ResiliencyReader.Read(Parse(spec), problems), problems);
    }

    private static Resiliency Parse(string spec)
        => SidecarDocument.Read(System.Text.Encoding.UTF8.GetBytes($$"""{"metadata":{"name":"r"},"spec":{{spec}}}"""), DaprResources.Resiliencies.Json);
}
