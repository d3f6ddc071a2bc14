using DaprK8s.Components.Rego;

namespace DaprK8s.Components.Tests.Rego;

/// <summary>What rules make.</summary>
public sealed class RuleTests
{
    private const string Input = """{"user": "ann", "roles": ["dev", "ops"], "n": 3, "nested": {"a": {"b": [10, 20]}}, "servers": [{"id": "a", "ports": [80, 443]}, {"id": "b", "ports": [22]}]}""";

    [Theory]
    [InlineData("p = 1", "1")]
    [InlineData("p := 1", "1")]
    [InlineData("p { true }", "true")]
    [InlineData("p { false }", "undefined")]
    [InlineData("p { null }", "true")]
    [InlineData("p { input.missing }", "undefined")]
    [InlineData("p { input.user }", "true")]
    [InlineData("p { not input.missing }", "true")]
    [InlineData("p = input.user", "\"ann\"")]
    [InlineData("p = x { x := input.n + 1 }", "4")]
    [InlineData("default p = false\np { input.user == \"bob\" }", "false")]
    [InlineData("default p = false\np { input.user == \"ann\" }", "true")]
    [InlineData("default p := {\"a\": [1]}", "{\"a\": [1]}")]
    [InlineData("p { input.n == 1 }\np { input.n == 3 }", "true")]
    [InlineData("p { input.n == 1 } { input.n == 3 }", "true")]
    [InlineData("p = 1 { input.n == 1 } else = 2 { input.n == 3 } else = 3", "2")]
    [InlineData("p = 1 { input.n == 1 } else = 3", "3")]
    [InlineData("p { false } else { true }", "true")]
    [InlineData("p[x] { x := input.roles[_] }", "{\"dev\", \"ops\"}")]
    [InlineData("p[x] { x := input.missing[_] }", "set()")]
    [InlineData("p[\"a\"]\np[\"b\"] { false }", "{\"a\"}")]
    [InlineData("p[input.roles[_]]", "{\"dev\", \"ops\"}")]
    [InlineData("p[k] = v { v := input.nested.a[k] }", "{\"b\": [10, 20]}")]
    [InlineData("p[i] = r { r := input.roles[i] }", "{0: \"dev\", 1: \"ops\"}")]
    [InlineData("p.a.b = 1\np.a.c = 2 { input.n == 3 }\np.d = 3 { false }", "{\"a\": {\"b\": 1, \"c\": 2}}")]
    [InlineData("p[x].ports[y] = true { s := input.servers[_]; x := s.id; y := s.ports[_] }", "{\"a\": {\"ports\": {80: true, 443: true}}, \"b\": {\"ports\": {22: true}}}")]
    [InlineData("f(x) = y { y := x * 2 }\np = f(f(input.n))", "12")]
    [InlineData("f(x) { x > 2 }\np { f(input.n) }", "true")]
    [InlineData("f(x) { x > 5 }\np { f(input.n) }", "undefined")]
    [InlineData("f([a, b]) = a + b\np = f([1, 2])", "3")]
    [InlineData("f([a, b]) = a + b\np = f([1, 2, 3])", "undefined")]
    [InlineData("f(\"get\") = 1\nf(\"put\") = 2\np = f(\"put\")", "2")]
    [InlineData("f(x) = 1 { x > 10 } else = 2 { x > 2 }\np = f(3)", "2")]
    [InlineData("default f(_) = \"none\"\nf(x) = \"big\" { x > 10 }\np = [f(1), f(11)]", "[\"none\", \"big\"]")]
    [InlineData("f(x, x) = 1\np = [f(1, 1)]", "[1]")]
    [InlineData("f(x) = y { y := x }\np { f(1, z); z == 1 }", "true")]
    [InlineData("q = 1\np = data.test.q", "1")]
    [InlineData("q[1]\nq[2]\np = count(data.test.q)", "2")]
    [InlineData("import input.nested.a as deep\np = deep.b[0]", "10")]
    [InlineData("import input.user\np = user", "\"ann\"")]
    [InlineData("import data.test.q as other\nq = 7\np = other", "7")]
    public void A_rule_has_the_value_of_its_body(string rules, string expected) => Assert.Equal(expected, Policy.Value(rules, "p", Input));

    [Theory]
    [InlineData("import future.keywords.if\np if input.n == 3", "true")]
    [InlineData("import future.keywords.if\np := 5 if { input.n == 3 }", "5")]
    [InlineData("import future.keywords.if\np := 1 if input.n == 1\nelse := 2 if input.n == 3", "2")]
    [InlineData("import future.keywords.contains\np contains x { x := input.roles[_] }", "{\"dev\", \"ops\"}")]
    [InlineData("import rego.v1\np contains x if some x in input.roles", "{\"dev\", \"ops\"}")]
    [InlineData("import rego.v1\np contains 1\np contains 2 if false", "{1}")]
    [InlineData("import rego.v1\np[x] if some x in input.roles", "{\"dev\": true, \"ops\": true}")]
    [InlineData("import rego.v1\np[s.id] contains port if { some s in input.servers; some port in s.ports }", "{\"a\": {80, 443}, \"b\": {22}}")]
    [InlineData("import rego.v1\np.q contains 1\np.r := 2", "{\"q\": {1}, \"r\": 2}")]
    [InlineData("import rego.v1\nf(x) := y if y := x + 1\np := f(1)", "2")]
    [InlineData("import rego.v1\np if { every s in input.servers { count(s.ports) > 0 } }", "true")]
    [InlineData("import rego.v1\ndefault p := false\np if \"ops\" in input.roles", "true")]
    public void Later_keywords_work_where_they_are_imported(string rules, string expected) => Assert.Equal(expected, Policy.Value(rules, "p", Input));

    [Theory]
    [InlineData("p = 1\np = 2", "complete rules must not produce multiple outputs")]
    [InlineData("p = x { x := input.roles[_] }", "complete rules must not produce multiple outputs")]
    [InlineData("p[\"a\"] = x { x := input.roles[_] }", "complete rules must not produce multiple outputs")]
    [InlineData("p[k] = x { k := \"a\"; x := input.roles[_] }", "object keys must be unique")]
    [InlineData("f(x) = 1\nf(x) = 2\np = f(1)", "functions must not produce multiple outputs for same inputs")]
    [InlineData("p = {k: v | k := \"a\"; v := input.roles[_]}", "object keys must be unique")]
    [InlineData("p = {k: 1, \"a\": 2} { k := \"a\" }", "object keys must be unique")]
    public void Two_values_where_there_can_be_one_end_the_evaluation(string rules, string problem)
    {
        var error = Assert.Throws<RegoEvaluationException>(() => Policy.Value(rules, "p", Input));

        Assert.Equal(RegoEvaluationException.Conflict, error.Code);
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_package_is_the_object_of_its_rules()
    {
        var program = RegoProgram.Compile("package a.b\np = 1\nq { false }\nf(x) = x\nr.s = 2");

        Assert.Equal("{\"b\": {\"p\": 1, \"r\": {\"s\": 2}}}", program.Evaluate(program.Find("a")!, null, cancellationToken: TestContext.Current.CancellationToken)!.ToString());
    }

    [Fact]
    public void Policies_see_each_other()
    {
        var program = RegoProgram.Compile("package a\nimport data.b\np = b.f(b.q)", "package b\nq = 2\nf(x) = y { y := x * data.c.r }", "package c\nr = 5");

        Assert.Equal("10", program.Evaluate(program.Find("a", "p")!, null, cancellationToken: TestContext.Current.CancellationToken)!.ToString());
    }

    [Fact]
    public void One_program_serves_many_at_once_and_again()
    {
        var program = RegoProgram.Compile("package test\np = {x: y | y := {z | z := input.list[_]}[_]; x := y + input.add}");
        var document = program.Find("test", "p")!;

        Parallel.For(0, 200, i =>
        {
            var input = RegoJson.TryRead($$"""{"list": [1, 2, 3], "add": {{i}}}""");
            Assert.Equal($"{{{i + 1}: 1, {i + 2}: 2, {i + 3}: 3}}", program.Evaluate(document, input)!.ToString());
        });
    }
}
