using CsCheck;
using DaprK8s.Common.Resources;
using DaprK8s.Common.Text;
using DaprK8s.Sidecar.Secrets;

namespace DaprK8s.Sidecar.Tests.Secrets;

public sealed class SecretScopesTests
{
    [Theory]
    [InlineData(null, "", "", true)]
    [InlineData("allow", "", "", true)]
    [InlineData("DENY", "", "", false)]
    [InlineData("allow", "other", "", false)]
    [InlineData("deny", "s", "", true)]
    [InlineData("deny", "s", "s", true)]
    [InlineData("allow", "", "s", false)]
    [InlineData("allow", "", "S", true)]
    [InlineData("deny", "", "other", false)]
    public void The_allowed_list_decides_then_the_denied_list_then_the_default(string? access, string allowed, string denied, bool expected)
    {
        var scopes = SecretScopes.Create(Spec(new SecretScopeSpec { StoreName = "v", DefaultAccess = access, AllowedSecrets = List(allowed), DeniedSecrets = List(denied) }));
        Assert.Equal(expected, scopes.IsAllowed("v", "s"));
        Assert.True(scopes.IsAllowed("another", "s"));
    }

    [Fact]
    public void A_store_named_twice_keeps_the_sidecar_from_starting()
        => Assert.Equal(
            "v storeName is repeated in secrets configuration",
            Assert.Throws<ResourceException>(() => SecretScopes.Create(Spec(new SecretScopeSpec { StoreName = "v" }, new SecretScopeSpec { StoreName = "v" }))).Message);

    [Fact]
    public void A_default_that_is_neither_keeps_the_sidecar_from_starting()
        => Assert.Equal(
            "defaultAccess maybe can be either allow or deny",
            Assert.Throws<ResourceException>(() => SecretScopes.Create(Spec(new SecretScopeSpec { StoreName = "v", DefaultAccess = "maybe" }))).Message);

    [Fact]
    public void A_scope_without_its_store_is_warned_of()
        => Assert.Equal(
            ["Secrets configuration added for 'gone', but no matching secret store was found"],
            SecretScopes.Create(Spec(new SecretScopeSpec { StoreName = "gone" }, new SecretScopeSpec { StoreName = "v" })).Warnings(s => s == "v"));

    [Theory]
    [InlineData("plain", "\"plain\"")]
    [InlineData("a\"b\\c", "\"a\\\"b\\\\c\"")]
    [InlineData("\a\b\f\n\r\t\v\0\u007f", "\"\\a\\b\\f\\n\\r\\t\\v\\x00\\x7f\"")]
    [InlineData("é \u00a0\u200b\u2028", "\"é \\u00a0\\u200b\\u2028\"")]
    [InlineData("\U0001F600\U000E0001", "\"\U0001F600\\U000e0001\"")]
    public void Quoted_texts_are_quoted_as_Go_does(string text, string quoted) => Assert.Equal(quoted, GoQuote.Quote(text));

    [Fact]
    public void No_quoted_text_can_break_its_line()
        => Gen.String.Sample(text => GoQuote.Quote(text) is var q && q[0] == '"' && q[^1] == '"' && !q.AsSpan().ContainsAny("\r\n\0\u2028"));

    private static SecretsSpec Spec(params SecretScopeSpec[] scopes) => new() { Scopes = [.. scopes] };

    private static List<string> List(string name) => name.Length == 0 ? [] : [name];
}
