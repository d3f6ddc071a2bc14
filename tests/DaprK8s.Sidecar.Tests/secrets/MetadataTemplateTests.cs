using CsCheck;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Secrets;

namespace DaprK8s.Sidecar.Tests.Secrets;

public sealed class MetadataTemplateTests
{
    private static readonly MetadataTemplate Template = new(new SidecarInfo("app{uuid}", "ns"), "pod{appID}");

    [Fact]
    public void Each_token_is_replaced_where_it_stands_and_all_else_is_kept()
        => Gen.OneOf<string>("{podName}", "{namespace}", "{appID}", "{", "}", "{}", "{appid}", "{{", "a", " ").Array[0, 8].Sample(parts =>
        {
            // What a part next to a lone brace forms is still no token, unless the parts themselves are one.
            var expected = string.Concat(parts.Select(p => p switch
            {
                "{podName}" => "pod{appID}",
                "{namespace}" => "ns.app{uuid}",
                "{appID}" => "app{uuid}",
                _ => p,
            }));
            return Template.Expand("p", string.Concat(parts)) == expected;
        });

    [Fact]
    public void Each_uuid_is_another()
    {
        var ids = Template.Expand("p", "{uuid},{uuid},{uuid}").Split(',');
        Assert.Equal(3, ids.Distinct().Count());
        Assert.All(ids, id => Assert.True(Guid.TryParseExact(id, "D", out _), id));
    }

    [Fact]
    public void A_text_without_tokens_is_the_same_text() => Gen.String.Where(s => !s.Contains('{')).Sample(s => ReferenceEquals(Template.Expand("p", s), s));

    [Fact]
    public void Any_text_expands_without_a_fault()
        => Gen.String[Gen.Char["{}uidpoNamesc "], 0, 12].Sample(s => Template.Expand("p", s).Length >= 0);
}
