using CsCheck;
using DaprK8s.Sidecar.PubSub;

namespace DaprK8s.Sidecar.Tests.PubSub;

public sealed class TopicScopesTests
{
    private static readonly Gen<string> GenTopic = Gen.OneOf("a", "b", "c", "d");
    private static readonly Gen<string[]> GenTopics = GenTopic.Array[0, 3];
    private static readonly Gen<(string App, string[] Topics)[]> GenScope = Gen.Select(Gen.OneOf("app1", "App1", "app2"), GenTopics).Array[0, 3];

    [Fact]
    public void A_topic_is_allowed_exactly_as_the_rules_say()
        => Gen.Select(GenTopics, GenTopics, GenScope, GenTopic).Sample((allowed, guarded, scope, topic) =>
        {
            var scopes = Parse(
                ("ALLOWEDTOPICS", string.Join(", ", allowed)),
                ("protectedTopics", string.Join(" ,", guarded)),
                ("publishingScopes", string.Join(" ; ", scope.Select(s => $"{s.App} = {string.Join(",", s.Topics)}"))));

            var own = scope.Where(s => s.App == "app1").ToArray();
            var expected = (allowed.Length == 0 || allowed.Contains(topic))
                && ((!guarded.Contains(topic) && own.Length == 0) || own.Any(s => s.Topics.Contains(topic)));
            Assert.Equal(expected, scopes.MayPublish(topic));
        });

    [Fact]
    public void The_directions_have_lists_of_their_own()
    {
        var scopes = Parse(("publishingScopes", "app1=a"), ("subscriptionScopes", "app1=b"));

        Assert.True(scopes.MayPublish("a"));
        Assert.False(scopes.MayPublish("b"));
        Assert.True(scopes.MaySubscribe("b"));
        Assert.False(scopes.MaySubscribe("a"));
    }

    [Fact]
    public void An_empty_list_denies_all_and_an_entry_without_equals_is_none()
    {
        Assert.False(Parse(("publishingScopes", "app1=")).MayPublish("a"));
        Assert.True(Parse(("publishingScopes", "app1")).MayPublish("a"));
        Assert.True(Parse(("publishingScopes", "")).MayPublish("a"));
    }

    [Fact]
    public void Any_setting_is_read_without_failing()
        => Gen.Select(Gen.String, Gen.String).Sample((value, topic) =>
        {
            var scopes = Parse(("allowedTopics", value), ("protectedTopics", value), ("publishingScopes", value), ("subscriptionScopes", value));
            _ = scopes.MayPublish(topic) | scopes.MaySubscribe(topic);
        });

    private static TopicScopes Parse(params (string Name, string Value)[] metadata)
        => TopicScopes.Parse(metadata.Select(m => KeyValuePair.Create(m.Name, m.Value)), "app1");
}
