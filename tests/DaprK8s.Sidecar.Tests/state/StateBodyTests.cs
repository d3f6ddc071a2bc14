using System.Text;
using System.Text.Json;
using CsCheck;
using DaprK8s.Sidecar.Api.Http;
using DaprK8s.Sidecar.State;

namespace DaprK8s.Sidecar.Tests.State;

public sealed class StateBodyTests
{
    [Fact]
    public void Every_JSON_value_survives_exactly_but_for_its_white_space()
        => JsonText.Any.Array[1, 4].Sample(values =>
        {
            var items = values.Select((v, i) => $$"""{"key":"k{{i}}","value":{{v.Spaced}},"etag":"e"}""");
            using var body = Body($"[{string.Join(" , ", items)}]");
            var changes = body.ReadSave();
            return changes.Count == values.Length
                && changes.Zip(values).All(p => p.First.Value.IsJson && Encoding.UTF8.GetString(p.First.Value.Bytes.Span) == p.Second.Compact);
        });

    [Fact]
    public void A_JSON_text_over_gRPC_survives_exactly_but_for_its_white_space()
        => JsonText.Any.Sample(v => Encoding.UTF8.GetString(CompactJson.FromText(Encoding.UTF8.GetBytes(v.Spaced)).Span) == v.Compact);

    [Fact]
    public void Arbitrary_bytes_decode_or_fail_cleanly()
        => Gen.OneOf<byte[]>(Gen.Byte.Array[0, 40], Gen.OneOf<byte>([.. "[]{}\",:\\ktrunl01.eu "u8, 0xff, 0x80]).Array[0, 40])
            .Sample(bytes =>
            {
                foreach (var read in new Action<StateBody>[] { b => b.ReadSave(), b => b.ReadBulkGet(), b => b.ReadTransaction() })
                {
                    using var body = new StateBody(bytes);
                    try
                    {
                        read(body);
                    }
                    catch (JsonException)
                    {
                    }
                }
            });

    [Fact]
    public void A_damaged_body_decodes_or_fails_cleanly()
        => Gen.Select(JsonText.Any, Gen.Int[0, 200], Gen.Byte).Sample((value, at, with) =>
        {
            var bytes = Encoding.UTF8.GetBytes($$$"""{"operations":[{"operation":"upsert","request":{"key":"\u006b","value":{{{value.Spaced}}},"metadata":{"a":"b"} } }]}""");
            bytes[at % bytes.Length] = with;
            using var body = new StateBody(bytes);
            try
            {
                body.ReadTransaction();
            }
            catch (JsonException)
            {
            }
        });

    [Fact]
    public void Names_match_in_any_case_and_escaped_and_unknown_ones_are_ignored()
    {
        using var body = Body("""[{"KEY":"a","Value":1,"unknown":{"key":[1,{"key":2}]},"ETag":"7","\u006detadata":{"x":"y"},"OPTIONS":{"Concurrency":"first-write","consistency":"strong","z":[]}}]""");
        var change = Assert.Single(body.ReadSave());
        Assert.Equal(("a", "7", "first-write", "strong", "y"), (change.Key, change.ETag, change.Concurrency, change.Consistency, change.Metadata["x"]));
    }

    [Fact]
    public void Only_the_first_JSON_value_is_read()
    {
        using var body = Body("""[{"key":"a","value":1}] trailing } garbage""");
        Assert.Equal("a", Assert.Single(body.ReadSave()).Key);
    }

    [Fact]
    public void A_missing_value_is_null()
    {
        using var body = Body("""[{"key":"a"}]""");
        var value = Assert.Single(body.ReadSave()).Value;
        Assert.Equal(("null", true), (Encoding.UTF8.GetString(value.Bytes.Span), value.IsJson));
    }

    [Fact]
    public void A_compact_value_is_not_copied()
    {
        var bytes = "[{\"key\":\"a\",\"value\":{\"b\":[1,2]}}]"u8.ToArray();
        using var body = new StateBody(bytes);
        var value = body.ReadSave()[0].Value.Bytes;
        Assert.True(bytes.AsSpan().Overlaps(value.Span));
    }

    [Fact]
    public void Nesting_far_deeper_than_the_stack_would_allow_is_kept()
    {
        var deep = new string('[', 9000) + new string(']', 9000);
        using var body = Body($$"""[{"key":"a","value":{{deep}}}]""");
        Assert.Equal(deep, Encoding.UTF8.GetString(body.ReadSave()[0].Value.Bytes.Span));
    }

    [Theory]
    [InlineData("""[{"key":1}]""", "key must be a string, not a number")]
    [InlineData("""[{"key":"a","etag":1}]""", "etag must be a string, not a number")]
    [InlineData("""[{"key":"a","metadata":{"x":true}}]""", "metadata must be a string, not a boolean")]
    [InlineData("""[{"key":"a","options":"x"}]""", "options must be an object, not a string")]
    [InlineData("""[1]""", "an item must be an object, not a number")]
    [InlineData("""{}""", "the body must be an array, not an object")]
    [InlineData("", "EOF")]
    [InlineData(" \n", "EOF")]
    [InlineData("""[{"key":"\ud800"}]""", "a string is not valid Unicode")]
    public void A_body_of_another_shape_is_refused_with_its_reason(string json, string reason)
    {
        using var body = Body(json);
        Assert.Equal(reason, Assert.Throws<JsonException>(() => body.ReadSave()).Message);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("[]")]
    public void Nothing_to_save_is_no_error(string json)
    {
        using var body = Body(json);
        Assert.Empty(body.ReadSave());
    }

    [Fact]
    public void Option_words_parse_or_are_refused_by_name()
        => Gen.OneOf<string>(Gen.OneOf<string>("", "first-write", "last-write", "eventual", "strong"), Gen.String).Sample(word =>
        {
            var concurrency = Try(() => StateOptions.Concurrency(word).ToString());
            var consistency = Try(() => StateOptions.Consistency(word).ToString());
            return concurrency == (word switch
            {
                "" => "Unspecified",
                "first-write" => "FirstWrite",
                "last-write" => "LastWrite",
                _ => $"unrecognized concurrency model '{word}'",
            }) && consistency == (word switch
            {
                "" => "Unspecified",
                "eventual" => "Eventual",
                "strong" => "Strong",
                _ => $"unrecognized consistency model '{word}'",
            });
        });

    private static StateBody Body(string json) => new(Encoding.UTF8.GetBytes(json));

    private static string Try(Func<string> parse)
    {
        try
        {
            return parse();
        }
        catch (FormatException e)
        {
            return e.Message;
        }
    }
}
