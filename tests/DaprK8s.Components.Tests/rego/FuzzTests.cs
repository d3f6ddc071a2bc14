using CsCheck;
using DaprK8s.Components.Rego;

namespace DaprK8s.Components.Tests.Rego;

/// <summary>Random and damaged policies: either refused with a place in the text or evaluated within limits, and nothing else.</summary>
public sealed class FuzzTests
{
    private static readonly string[] Seeds =
    [
        "package http\ndefault allow = false\nallow = {\"allow\": true, \"additional_headers\": {\"x-user\": payload.sub}} { payload.roles[_] == \"admin\"; not input.request.method == \"DELETE\" }\npayload = p { [_, p, _] := io.jwt.decode(input.request.headers[\"Authorization\"]) }",
        "package http\nimport future.keywords\nallow if { some i, part in input.request.path_parts; every c in [1, 2] { c < i + 3 }; regex.match(`^[a-z]+$`, part) }\nelse := 5 if { count({x | x := input.request.query[_][_]}) > 0 with input as {\"a\": [1]} }",
        "package a.b\np[x].y[z] = w { x := input[z]; w := [a | a = {1, 2, 3}[_]; a % 2 == 1] }\nf(x, {\"k\": [y, _]}) = x | y { true } else = set() { walk(x, [q, 1.5e3]) }\nr = `raw` { sprintf(\"%d-%s\", [1, \"a\\u00e9\"], _); (1 + 2) * -3 < 4 }",
    ];

    private static readonly string[] Words =
    [
        "package http", "allow", " = ", " := ", "{", "}", "[", "]", "(", ")", ",", ";", "\n", " ", "|", "&", "+", "-", "*", "/", "%", "==", "!=", "<", ">", ":", ".",
        "x", "y", "_", "input", "data", "not ", "some ", "every ", " in ", " if ", "contains", "else", "default ", "with ", "as ", "import ", "future.keywords", "rego.v1",
        "true", "null", "\"a\"", "`b`", "0", "1.5", "1e9", "set()", "count(", "walk(", "sprintf(", "regex.match(", "glob.match(", "f(", "allow[", "data.http", "#", "é", "😀", "\"", "\\",
    ];

    private static readonly RegoValue Input = RegoJson.TryRead("""{"request": {"method": "GET", "path_parts": ["a", "b1"], "headers": {"Authorization": "a.b.c"}, "query": {"q": ["1"]}, "body": ""}, "a": [1, [2]]}""")!;

    [Fact]
    public void Random_words_never_crash_or_hang()
        => Gen.OneOf(Words).Array[0, 60].Sample(words => Survives("package http\n" + string.Concat(words)), iter: 4000, threads: 1);

    [Fact]
    public void Random_characters_never_crash_or_hang()
        => Gen.String.Sample(text => Survives("package http\nallow { " + text), iter: 2000, threads: 1);

    [Fact]
    public void Damaged_policies_never_crash_or_hang()
    {
        var damage = Gen.Select(Gen.Int[0, 600], Gen.Int[0, 12], Gen.OneOf(Words));
        Gen.Select(Gen.OneOf(Seeds), damage.Array[1, 5]).Sample(
            (seed, damages) =>
            {
                foreach (var (at, removed, added) in damages)
                {
                    var start = Math.Min(at, seed.Length);
                    seed = seed[..start] + added + seed[Math.Min(seed.Length, start + removed)..];
                }

                Survives(seed);
            },
            iter: 6000,
            threads: 1);
    }

    [Fact]
    public void The_policies_that_get_damaged_are_whole_ones()
    {
        foreach (var seed in Seeds)
        {
            Assert.Null(Record.Exception(() => RegoProgram.Compile(seed)));
        }
    }

    [Fact]
    public void Random_regular_expressions_and_globs_are_judged_not_crashed_on()
    {
        var parts = Gen.OneOf("a", "(", ")", "[", "]", "^", "-", "\\", "d", "p{L}", "*", "+", "?", "{2,3}", "{", "}", "|", ".", "$", "(?i)", "(?P<n>", "[:alpha:]", "x{1F600}", "😀", "Q", "E", ",", "!");
        parts.Array[0, 12].Sample(
            pattern =>
            {
                var input = new RegoString(string.Concat(pattern));
                var program = RegoProgram.Compile("package http\nallow = [regex.is_valid(input), {regex.match(input, \"aab😀\")}, {glob.match(input, [\".\"], \"a.b\")}] { true } else = 1");
                Assert.NotNull(program.Evaluate(program.Find("http", "allow")!, input));
            },
            iter: 3000,
            threads: 1);
    }

    private static void Survives(string policy)
    {
        try
        {
            var program = RegoProgram.Compile(policy);
            if (program.Find("http") is { } document)
            {
                program.Evaluate(document, Input, steps: 20_000)?.ToString();
            }
        }
        catch (RegoCompileException e)
        {
            Assert.True(e.Location.Line >= 1 && e.Location.Column >= 1, e.Message);
        }
        catch (RegoEvaluationException)
        {
            // A conflict, or a limit.
        }
    }
}
