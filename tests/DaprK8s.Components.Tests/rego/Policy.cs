using DaprK8s.Components.Rego;

namespace DaprK8s.Components.Tests.Rego;

/// <summary>Policies of one package, evaluated.</summary>
internal static class Policy
{
    /// <summary>The value of a rule of package <c>test</c>, as it would stand in a policy; <c>undefined</c> when it has none.</summary>
    /// <param name="rules">The policy without its package.</param>
    /// <param name="rule">The rule.</param>
    /// <param name="input">The input as JSON; none when empty.</param>
    /// <param name="time">The clock.</param>
    public static string Value(string rules, string rule = "p", string input = "", TimeProvider? time = null)
    {
        var program = RegoProgram.Compile("package test\n" + rules);
        var document = program.Find("test", rule);
        Assert.NotNull(document);
        var value = program.Evaluate(document, input.Length == 0 ? null : RegoJson.TryRead(input), time, cancellationToken: TestContext.Current.CancellationToken);
        return value?.ToString() ?? "undefined";
    }

    /// <summary>The value of an expression.</summary>
    public static string Expression(string expression, string input = "", TimeProvider? time = null)
        => Value($"import future.keywords\np := x {{ x := {expression} }}", "p", input, time);

    /// <summary>Why a policy is refused: line, column, code and problem.</summary>
    public static string Refusal(string policy) => Assert.Throws<RegoCompileException>(() => RegoProgram.Compile(policy)).Message;
}
