using DaprK8s.Components.Rego;

namespace DaprK8s.Components.Tests.Rego;

/// <summary>What a hostile policy or input cannot do: hang, exhaust memory, or bring the process down.</summary>
public sealed class LimitTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("p { input.l[a]; input.l[b]; input.l[c]; input.l[d]; input.l[e]; false }")]
    [InlineData("p = count(numbers.range(1, 1000000000000))")]
    [InlineData("p = count({x | x := numbers.range(1, 4000)[_]; numbers.range(1, 4000)[_] > x})")]
    [InlineData("p = sprintf(s, l) { s := concat(\"\", [\"%999d\" | numbers.range(1, 500000)[_]]); l := [1 | numbers.range(1, 500000)[_]] }")]
    [InlineData("p = g { a := concat(\"\", [\"aaaaaaaaaa\" | numbers.range(1, 100000)[_]]); b := replace(a, \"a\", a); g := count(b) }")]
    [InlineData("p = net.cidr_expand(\"::/0\")")]
    [InlineData("p = x { a := 99999999999999999999 * 99999999999999999999; x := bits.lsh(a, 4096) * bits.lsh(a, 4096) * bits.lsh(a, 4096) * bits.lsh(a, 4096) * bits.lsh(a, 4096) * bits.lsh(a, 4096) * bits.lsh(a, 4096) * bits.lsh(a, 4096) * bits.lsh(a, 4096) * bits.lsh(a, 4096) * bits.lsh(a, 4096) * bits.lsh(a, 4096) * bits.lsh(a, 4096) * bits.lsh(a, 4096) * bits.lsh(a, 4096) * bits.lsh(a, 4096) * bits.lsh(a, 4096) }")]
    public void An_evaluation_that_grows_without_end_is_ended(string rules)
    {
        var program = RegoProgram.Compile("package test\n" + rules);
        var input = RegoJson.TryRead("{\"l\": [" + string.Join(',', Enumerable.Range(0, 1000)) + "]}");

        var error = Assert.Throws<RegoEvaluationException>(() => program.Evaluate(program.Find("test", "p")!, input, cancellationToken: Cancel));

        Assert.Equal(RegoEvaluationException.Limit, error.Code);
    }

    [Fact]
    public void An_evaluation_ends_with_the_request()
    {
        var program = RegoProgram.Compile("package test\np { numbers.range(1, 3000)[a]; numbers.range(1, 3000)[b]; false }");
        using var gone = new CancellationTokenSource();
        gone.Cancel();

        Assert.Throws<OperationCanceledException>(
            () => program.Evaluate(program.Find("test", "p")!, null, steps: long.MaxValue, cancellationToken: gone.Token));
    }

    [Fact]
    public void After_an_evaluation_was_ended_the_next_one_is_as_if_nothing_had_been()
    {
        var program = RegoProgram.Compile("package test\np = [x | x := input.l[_]; numbers.range(1, input.n)[_] == input.n]");
        var document = program.Find("test", "p")!;
        Assert.Throws<RegoEvaluationException>(() => program.Evaluate(document, RegoJson.TryRead("""{"l": [1, 2], "n": 100000}"""), steps: 5000, cancellationToken: Cancel));

        Assert.Equal("[3]", program.Evaluate(document, RegoJson.TryRead("""{"l": [3], "n": 2}"""), steps: 5000, cancellationToken: Cancel)!.ToString());
        Assert.Null(program.Evaluate(program.Find("test", "p")!, null, cancellationToken: Cancel) is RegoArray { Count: 0 } ? null : "something");
    }

    [Theory]
    [InlineData("[", "]")]
    [InlineData("{", "}")]
    [InlineData("(", ")")]
    [InlineData("[x | x := ", "]")]
    [InlineData("{\"a\": ", "}")]
    [InlineData("input[", "]")]
    [InlineData("count(", ")")]
    public void A_policy_nested_deeply_is_refused(string open, string close)
    {
        var policy = "package test\np { x := " + string.Concat(Enumerable.Repeat(open, 100_000)) + "1" + string.Concat(Enumerable.Repeat(close, 100_000)) + " }";

        Assert.Contains("nested too deeply", Policy.Refusal(policy), StringComparison.Ordinal);
    }

    [Fact]
    public void Long_chains_are_refused()
    {
        Assert.Contains("too many operators", Policy.Refusal("package test\np = 1" + string.Concat(Enumerable.Repeat(" + 1", 100_000))), StringComparison.Ordinal);
        Assert.Contains("so many statements", Policy.Refusal("package test\np { " + string.Concat(Enumerable.Repeat("true; ", 5_000)) + "true }"), StringComparison.Ordinal);
    }

    [Fact]
    public void Ten_thousand_rules_in_a_row_are_no_danger()
    {
        var rules = string.Join('\n', Enumerable.Range(0, 10_000).Select(i => $"r{i} = x {{ x := r{i + 1} + 1 }}"));
        try
        {
            var program = RegoProgram.Compile($"package test\n{rules}\nr10000 = 0");
            program.Evaluate(program.Find("test", "r0")!, null, cancellationToken: Cancel);
        }
        catch (Exception e)
        {
            Assert.True(e is RegoCompileException or RegoEvaluationException, e.ToString());
        }
    }

    [Theory]
    [InlineData("([", " + 1]", 250, 100)]
    [InlineData("[", "][_][_][_][_][_][_][_][_][_][_][_][_]", 1, 140)]
    [InlineData("", "[q]", 20_000, 1)]
    [InlineData("count([x | x := ", "[_]])", 1, 60)]
    public void Whatever_a_policy_makes_deep_ends_in_an_answer_or_an_error(string open, string close, int times, int levels)
    {
        var inner = "input";
        for (var level = 0; level < levels; level++)
        {
            inner = open == "([" ? "(" + inner + string.Concat(Enumerable.Repeat(" + 1", times)) + ")" : open + inner + string.Concat(Enumerable.Repeat(close, times));
        }

        try
        {
            var program = RegoProgram.Compile($"package test\nq = 1\np {{ x := {inner}; sprintf(\"%v\", [x]) == json.marshal(x) }}");
            program.Evaluate(program.Find("test", "p")!, RegoJson.TryRead("[[1]]"), cancellationToken: Cancel);
        }
        catch (Exception e)
        {
            Assert.True(e is RegoCompileException or RegoEvaluationException, e.ToString());
        }
    }

    [Fact]
    public void Values_wrapped_without_end_by_rules_end_in_an_answer_or_an_error()
    {
        var wrapped = string.Concat(Enumerable.Repeat("[", 100));
        var closed = string.Concat(Enumerable.Repeat("]", 100));
        var rules = string.Join('\n', Enumerable.Range(0, 300).Select(i => $"r{i} = {wrapped}r{i + 1}{closed}"));
        try
        {
            var program = RegoProgram.Compile($"package test\n{rules}\nr300 = 0\np {{ json.marshal(r0) != sprintf(\"%v\", [r0]); [r0] == [r0]; {{r0, r1}} != set() }}");
            program.Evaluate(program.Find("test", "p")!, null, cancellationToken: Cancel);
        }
        catch (Exception e)
        {
            Assert.True(e is RegoCompileException or RegoEvaluationException, e.ToString());
        }
    }

    [Theory]
    [InlineData("json.unmarshal(input)")]
    [InlineData("yaml.unmarshal(input)")]
    public void Documents_nested_deeply_are_undefined(string call)
    {
        var text = string.Concat(Enumerable.Repeat("[", 100_000)) + string.Concat(Enumerable.Repeat("]", 100_000));

        Assert.Equal("undefined", Policy.Expression(call, "\"" + text + "\""));
    }

    [Fact]
    public void A_regular_expression_costs_no_more_than_its_text_is_long()
    {
        var text = "\"" + new string('a', 10_000) + "\"";

        Assert.Equal("false", Policy.Expression("regex.match(`^(a+)+$`, concat(\"\", [input, \"!\"]))", text));
        Assert.Equal("undefined", Policy.Expression("regex.match(`((a{900}){900}){900}`, input) == regex.is_valid(input)".Replace("`((a{900}){900}){900}`", "concat(\"\", [\"((a{900}){900})\", \"{900}\"])", StringComparison.Ordinal), text));
    }

    [Fact]
    public void Absurd_numbers_in_documents_are_no_numbers()
    {
        Assert.Equal("undefined", Policy.Expression("json.unmarshal(input)", "\"1e999999999\""));
        Assert.Equal("undefined", Policy.Expression("json.unmarshal(input)", "\"" + new string('9', 100_000) + "\""));
    }
}
