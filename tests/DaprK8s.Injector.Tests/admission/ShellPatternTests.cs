using CsCheck;
using DaprK8s.Injector.Admission;

namespace DaprK8s.Injector.Tests.Admission;

/// <summary>Patterns as shells know them.</summary>
public sealed class ShellPatternTests
{
    [Theory]
    [InlineData("", "", true)]
    [InlineData("", "a", false)]
    [InlineData("*", "", true)]
    [InlineData("a*b*c", "abbbxc", true)]
    [InlineData("a*b*c", "abbbxcd", false)]
    [InlineData("**a", "xa", true)]
    [InlineData("?", "", false)]
    [InlineData("[abc]", "b", true)]
    [InlineData("[a-c-]", "-", true)]
    [InlineData("[!a]", "b", true)]
    [InlineData("[!a]", "a", false)]
    [InlineData("\\*", "*", true)]
    [InlineData("\\*", "x", false)]
    [InlineData("[\\]]", "]", true)]
    public void A_text_matches_or_not(string pattern, string text, bool matches) => Assert.Equal(matches, new ShellPattern(pattern).IsMatch(text));

    [Theory]
    [InlineData("[")]
    [InlineData("[]")]
    [InlineData("[a")]
    [InlineData("[a-")]
    [InlineData("[^]")]
    [InlineData("a\\")]
    public void A_pattern_without_end_is_refused(string pattern) => Assert.Throws<FormatException>(() => new ShellPattern(pattern));

    [Fact]
    public void Stars_match_what_a_regular_expression_matches()
        => Gen.Select(Gen.String[Gen.Char["ab*?"], 0, 6], Gen.String[Gen.Char["ab"], 0, 8]).Sample((pattern, text) =>
        {
            var regex = "^" + System.Text.RegularExpressions.Regex.Escape(pattern).Replace("\\*", ".*", StringComparison.Ordinal).Replace("\\?", ".", StringComparison.Ordinal) + "$";
            Assert.Equal(System.Text.RegularExpressions.Regex.IsMatch(text, regex), new ShellPattern(pattern).IsMatch(text));
        });

    [Fact]
    public void Many_stars_on_a_long_text_take_no_exponential_time()
        => Assert.False(new ShellPattern(string.Concat(Enumerable.Repeat("a*", 50)) + "b").IsMatch(new string('a', 5_000)));
}
