using CsCheck;
using DaprK8s.Components.Metadata;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.State;

namespace DaprK8s.Sidecar.Tests.State;

public sealed class KeyPrefixTests
{
    private static readonly SidecarInfo Self = new("app1", "prod");

    [Theory]
    [InlineData(null, "app1||k")]
    [InlineData("appid", "app1||k")]
    [InlineData("AppID", "app1||k")]
    [InlineData("name", "store||k")]
    [InlineData("namespace", "prod.app1||k")]
    [InlineData("none", "k")]
    [InlineData("MyPfx", "mypfx||k")]
    public void A_strategy_decides_the_stored_key(string? strategy, string stored)
        => Assert.Equal(stored, KeyPrefix.Of(strategy, "store", Self).Stored("k"));

    [Fact]
    public void Without_a_namespace_the_namespace_strategy_is_that_of_the_app_id()
        => Assert.Equal("app1||k", KeyPrefix.Of("namespace", "store", new SidecarInfo("app1", "")).Stored("k"));

    [Fact]
    public void Every_legal_key_comes_back_as_it_went_in_under_every_prefix()
        => Gen.Select(Gen.OneOf<string>("appid", "name", "namespace", "none", "tenant", "x|"), Gen.OneOf<string>(Gen.String, Gen.String[Gen.Char["ab|/% "], 0, 6]))
            .Where((_, key) => !KeyPrefix.IsIllegal(key))
            .Sample((strategy, key) =>
            {
                var prefix = KeyPrefix.Of(strategy, "store", Self);
                return prefix.Original(prefix.Stored(key)) == key;
            });

    [Fact]
    public void No_two_apps_can_reach_the_same_stored_key()
        => Gen.Select(Gen.String[Gen.Char["ab|"], 0, 6], Gen.String[Gen.Char["ab|"], 0, 6])
            .Where((a, b) => !KeyPrefix.IsIllegal(a) && !KeyPrefix.IsIllegal(b))
            .Sample((a, b) => KeyPrefix.Of(null, "s", new("app1", "")).Stored(a) != KeyPrefix.Of(null, "s", new("app2", "")).Stored(b));

    [Fact]
    public void A_key_of_another_prefix_shows_its_second_part()
        => Assert.Equal("type", KeyPrefix.Of(null, "s", Self).Original("other||type||id"));

    [Fact]
    public void A_literal_prefix_with_the_separator_keeps_the_component_from_starting()
        => Assert.Equal("failed to save lock keyprefix: input key/keyPrefix 'a||b' can't contain '||'", Check(("KEYPREFIX", "A||b")));

    [Fact]
    public void A_legal_component_may_start() => Assert.Null(Check(("keyPrefix", "name"), ("other", "1")));

    [Theory]
    [InlineData("primaryEncryptionKey")]
    [InlineData("secondaryEncryptionKey")]
    public void A_component_that_asks_for_encryption_is_refused_rather_than_stored_in_the_clear(string field)
        => Assert.Contains("state encryption is not available in this version", Check((field, "00")), StringComparison.Ordinal);

    [Fact]
    public void An_encryption_key_that_did_not_resolve_is_refused_too()
        => Assert.NotNull(StateBlock.CheckMetadata(StateBench.Resource("s", ("primaryEncryptionKey", "")), new ComponentMetadata([]), Self));

    private static string? Check(params (string Name, string Value)[] items)
        => StateBlock.CheckMetadata(
            StateBench.Resource("s"), new ComponentMetadata(items.Select(i => KeyValuePair.Create(i.Name, i.Value))), Self);
}
