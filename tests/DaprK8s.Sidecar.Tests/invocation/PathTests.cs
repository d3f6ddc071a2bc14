using CsCheck;
using DaprK8s.Sidecar.Api.Http;
using DaprK8s.Sidecar.App;
using DaprK8s.Sidecar.Invocation;

namespace DaprK8s.Sidecar.Tests.Invocation;

/// <summary>Cleaning of methods and paths, and the URLs that they become.</summary>
public sealed class PathTests
{
    private static readonly Gen<string> Paths = Gen.OneOf<string>(
        Gen.OneOf<string>("a", "b.c", "..", ".", "", "...", "%2F", "%2e", "a b", "Zoë", "\\", "..a").Array[0, 8].Select(s => string.Join('/', s)),
        Gen.String[Gen.Char["/.a%2"], 0, 12]);

    [Theory]
    [InlineData("", "")]
    [InlineData("/", "/")]
    [InlineData("//", "/")]
    [InlineData("/..", "/")]
    [InlineData("/a/..", "/")]
    [InlineData("a/..", "")]
    [InlineData("/a//../b/", "/b")]
    [InlineData(".", "")]
    [InlineData("..", "")]
    [InlineData("a", "a")]
    [InlineData("/a", "/a")]
    [InlineData("a/", "a")]
    [InlineData("a//b", "a/b")]
    [InlineData("a/./b", "a/b")]
    [InlineData("a/../b", "b")]
    [InlineData("../../a", "a")]
    [InlineData("a/../../../b", "b")]
    [InlineData("a/b/..", "a")]
    [InlineData(".hidden", ".hidden")]
    [InlineData("a/.hidden", "a/.hidden")]
    [InlineData("a/...", "a/...")]
    [InlineData("a%2F..%2Fb", "a%2F..%2Fb")]
    [InlineData("a\\..\\b", "a\\..\\b")]
    [InlineData("a b", "a b")]
    public void A_method_is_cleaned(string method, string clean) => Assert.Equal(clean, MethodName.Normalise(method));

    [Fact]
    public void A_clean_method_stays_as_it_is_and_holds_no_way_out()
        => Paths.Sample(path =>
        {
            var clean = MethodName.Normalise(path);
            var segments = clean.TrimStart('/').Split('/');
            return MethodName.Normalise(clean) == clean && clean.StartsWith('/') == path.StartsWith('/') && !clean.StartsWith("//", StringComparison.Ordinal)
                && (clean is "" or "/" || !segments.Any(s => s is "" or "." or ".."));
        });

    [Theory]
    [InlineData("a#b", "invalid method: method contains forbidden character: \"a#b\"")]
    [InlineData("a?b", "invalid method: method contains forbidden character: \"a?b\"")]
    [InlineData("a\0b", "invalid method: method contains forbidden character: \"a\\x00b\"")]
    [InlineData("\n#", "invalid method: method contains forbidden character: \"\\n#\"")]
    [InlineData("ab\n", "invalid method: method contains control character at position 2: \"ab\\n\"")]
    [InlineData("é\n", "invalid method: method contains control character at position 2: \"é\\n\"")]
    [InlineData("\r", "invalid method: method contains control character at position 0: \"\\r\"")]
    [InlineData("\t", "invalid method: method contains control character at position 0: \"\\t\"")]
    [InlineData("a\u007f", "invalid method: method contains control character at position 1: \"a\\x7f\"")]
    [InlineData("a\u0001/../b", "invalid method: method contains control character at position 1: \"a\\x01/../b\"")]
    public void A_method_with_a_character_that_it_must_not_have_is_refused(string method, string message)
        => Assert.Equal(message, Assert.Throws<FormatException>(() => MethodName.Normalise(method)).Message);

    [Fact]
    public void Every_method_is_clean_or_refused()
        => Gen.String[0, 12].Sample(method =>
        {
            try
            {
                MethodName.Normalise(method);
                return !method.Any(c => c is '#' or '?' or < ' ' or '\x7f');
            }
            catch (FormatException)
            {
                return method.Any(c => c is '#' or '?' or < ' ' or '\x7f');
            }
        });

    [Theory]
    [InlineData("", "/")]
    [InlineData("/", "/")]
    [InlineData("//", "/")]
    [InlineData("/a", "/a")]
    [InlineData("/a/", "/a")]
    [InlineData("//a//b//", "/a/b")]
    [InlineData("/a/./b/../c", "/a/c")]
    [InlineData("/../../a", "/a")]
    [InlineData("/a%2Fb/%2e%2e/c", "/a%2Fb/%2e%2e/c")]
    [InlineData("/.a/..b/...", "/.a/..b/...")]
    [InlineData("a/b", "/a/b")]
    public void A_path_is_cleaned_but_not_decoded(string path, string clean) => Assert.Equal(clean, RequestPath.Clean(path));

    [Fact]
    public void A_clean_path_stays_as_it_is()
        => Paths.Sample(path =>
        {
            var clean = RequestPath.Clean("/" + path);
            return RequestPath.Clean(clean) == clean && clean.StartsWith('/') && (clean == "/" || !clean.EndsWith('/'))
                && !clean[1..].Split('/').Any(s => s is "." or ".." || (s.Length == 0 && clean != "/"));
        });

    [Theory]
    [InlineData("a/b", "", "http://h:1/a/b")]
    [InlineData("/a", "q=%20&r=ä", "http://h:1/a?q=%20&r=ä")]
    [InlineData("", "", "http://h:1/")]
    [InlineData("a b", "", "http://h:1/a%20b")]
    [InlineData("é", "", "http://h:1/%C3%A9")]
    [InlineData("😀", "", "http://h:1/%F0%9F%98%80")]
    [InlineData("a%2Fb", "", "http://h:1/a%2Fb")]
    [InlineData("a\\b\"<>^`{|}", "", "http://h:1/a%5Cb%22%3C%3E%5E%60%7B%7C%7D")]
    [InlineData("a;b=c@d:e,f+g!$&'()*~", "", "http://h:1/a;b=c@d:e,f+g!$&'()*~")]
    [InlineData("//evil", "", "http://h:1//evil")]
    public void A_URL_is_built_from_a_method_and_a_query(string method, string query, string url)
        => Assert.Equal(url, AppUrl.Build("http://h:1", method, query).OriginalString);

    [Theory]
    [InlineData("%")]
    [InlineData("a%2")]
    [InlineData("a%zz")]
    [InlineData("100%/x")]
    public void A_percent_sign_that_begins_no_escape_makes_no_URL(string method)
        => Assert.Throws<FormatException>(() => AppUrl.Build("http://h:1", method, ""));

    [Fact]
    public void A_method_that_was_escaped_decodes_to_itself_and_never_changes_the_host()
        => Gen.String[0, 15].Where(s => !s.Contains('%')).Sample(method =>
        {
            // What is no text (half of a pair) can't survive.
            var sane = new string([.. method.Where(c => !char.IsSurrogate(c))]);
            var url = AppUrl.Build("http://h:1", sane, "");
            return url.Host == "h" && url.Port == 1 && Uri.UnescapeDataString(AppUrl.EscapePath(sane)) == sane;
        });
}
