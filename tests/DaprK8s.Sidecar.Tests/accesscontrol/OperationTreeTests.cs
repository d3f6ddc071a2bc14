using CsCheck;
using DaprK8s.Sidecar.AccessControl;

namespace DaprK8s.Sidecar.Tests.AccessControl;

public sealed class OperationTreeTests
{
    [Theory]
    [InlineData("/op7/a/b/*", "/op7/a/b/c", true)]
    [InlineData("/op7/a/b/*", "/op7/a/b/c/d", false)]
    [InlineData("/op7/a/b/c/f", "/op7/a/b/c/f", true)]
    [InlineData("/op7/a/b*", "/op7/a/bc", true)]
    [InlineData("/op7/c/**", "/op7/c/a/b/d", true)]
    [InlineData("/public", "/public/extra", true)]
    [InlineData("/op3/a/*", "/op3/a", true)]
    [InlineData("/public", "/public%2Fx", false)]
    [InlineData("/public", "/publicx", false)]
    [InlineData("/op/**", "/op", true)]
    [InlineData("/op/**", "/op/a", true)]
    [InlineData("/op/**", "/opa", false)]
    [InlineData("/**", "/", true)]
    [InlineData("/**", "/a/b", true)]
    [InlineData("/*", "/a", true)]
    [InlineData("/*", "/", true)]
    [InlineData("/*", "/a/b", false)]
    [InlineData("/", "/", true)]
    [InlineData("/", "/a", false)]
    [InlineData("/a", "/", false)]
    [InlineData("/a/b", "/a", false)]
    [InlineData("public", "/public", true)]
    [InlineData("/public", "public", true)]
    [InlineData("/a/*/c", "/a/b/c", false)]
    [InlineData("/a/*/c", "/a/*/c", true)]
    [InlineData("/a/*/c", "/a", false)]
    [InlineData("/a/*", "/a/*/c", false)]
    [InlineData("/a/*", "/a/*", true)]
    [InlineData("/a/**/c", "/a/x/c", true)]
    [InlineData("/a/**/c", "/a/x/y/c", false)]
    [InlineData("/a/b*/c", "/a/bx/c", true)]
    [InlineData("/a/*b*c*/d", "/a/xbycz/d", true)]
    [InlineData("/a/*b*c*/d", "/a/xcybz/d", false)]
    [InlineData("/a/*.json", "/a/.json", true)]
    [InlineData("/a/*.json", "/a/b/c.json", false)]
    [InlineData("/a.c", "/abc", false)]
    [InlineData("/a?c", "/abc", false)]
    [InlineData("/[a]", "/a", false)]
    [InlineData("/a/", "/a", false)]
    public void A_request_matches_an_operation_or_does_not(string operation, string request, bool matches)
        => Assert.Equal(matches, Tree(ignoreCase: false, operation).Find(request) is not null);

    [Theory]
    [InlineData("/a*", "/abc", "/abc", 0)]
    [InlineData("/abc", "/a*", "/abc", 0)]
    [InlineData("/*", "/abc", "/abc", 0)]
    [InlineData("/**", "/abc/d", "/abc/d", 0)]
    [InlineData("/abc", "/abc", "/abc", 0)]
    [InlineData("/*", "/abc/d", "/abc/d", 1)]
    public void The_first_sibling_that_matches_wins(string first, string second, string request, int winner)
    {
        var rules = new[] { new OperationRule(true, []), new OperationRule(true, []) };
        var tree = new OperationTree(ignoreCase: false);
        tree.Add(first, rules[0]);
        tree.Add(second, rules[1]);

        Assert.Same(rules[winner], tree.Find(request));
    }

    [Theory]
    [InlineData("/a*/x", "/ab/y", "/ab/y")]
    [InlineData("/a/*/c", "/a/**", "/a")]
    [InlineData("/**/x", "/a/y", "/a/y")]
    public void A_branch_that_was_taken_is_never_left_again(string first, string second, string request)
        => Assert.Null(Tree(ignoreCase: false, first, second).Find(request));

    [Fact]
    public void A_name_that_is_part_of_another_gets_the_action_of_its_own()
    {
        var (deep, shallow) = (new OperationRule(true, []), new OperationRule(false, []));
        var tree = new OperationTree(ignoreCase: false);
        tree.Add("/a/b/c", deep);
        tree.Add("/a/b", shallow);

        Assert.Same(shallow, tree.Find("/a/b"));
        Assert.Same(shallow, tree.Find("/a/b/c"));
        Assert.Null(tree.Find("/a"));
    }

    [Theory]
    [InlineData("/Public", "/pUBLIC")]
    [InlineData("/Zoë/É*", "/ZOË/éx")]
    public void Case_counts_for_gRPC_only(string operation, string request)
    {
        Assert.NotNull(Tree(ignoreCase: true, operation).Find(request));
        Assert.Null(Tree(ignoreCase: false, operation).Find(request));
    }

    [Fact]
    public void A_glob_agrees_with_its_definition()
    {
        var text = Gen.String[Gen.Char["ab*."], 0, 8];
        Gen.Select(text, text).Sample((pattern, candidate) => Glob.IsMatch(pattern, candidate, ignoreCase: false) == Defined(pattern, candidate));
    }

    [Fact]
    public void A_pattern_made_to_be_costly_is_not()
    {
        var pattern = string.Concat(Enumerable.Repeat("a*", 2000)) + "b";

        Assert.False(Glob.IsMatch(pattern, new string('a', 20_000), ignoreCase: true));
    }

    [Fact]
    public void Without_wildcards_exactly_what_begins_with_all_segments_of_an_operation_matches()
    {
        var path = Gen.OneOf<string>(Gen.Const("a"), Gen.Const("b"), Gen.Const("%2F"), Gen.Const("..")).Array[1, 4];
        Gen.Select(path, path).Sample((operation, request)
            => (Tree(ignoreCase: false, "/" + string.Join('/', operation)).Find("/" + string.Join('/', request)) is not null)
                == (request.Length >= operation.Length && request.AsSpan(0, operation.Length).SequenceEqual(operation)));
    }

    private static bool Defined(string pattern, string text)
        => pattern.Length == 0 ? text.Length == 0
            : pattern[0] == '*' ? Defined(pattern[1..], text) || (text.Length > 0 && Defined(pattern, text[1..]))
            : text.Length > 0 && text[0] == pattern[0] && Defined(pattern[1..], text[1..]);

    private static OperationTree Tree(bool ignoreCase, params string[] operations)
    {
        var tree = new OperationTree(ignoreCase);
        foreach (var operation in operations)
        {
            tree.Add(operation, new OperationRule(true, []));
        }

        return tree;
    }
}
