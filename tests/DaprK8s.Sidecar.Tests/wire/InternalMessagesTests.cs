using CsCheck;
using DaprK8s.Protos.Common.V1;
using DaprK8s.Protos.Internals.V1;
using DaprK8s.Common.Wire;
using DaprK8s.Sidecar.Wire;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Status = DaprK8s.Protos.Internals.V1.Status;

namespace DaprK8s.Sidecar.Tests.Wire;

/// <summary>Holds the hand-written messages of the internal protocol to the generated classes, in both directions.</summary>
public sealed class InternalMessagesTests
{
    private static readonly Gen<string> Text = Gen.OneOf<string>(Gen.String[Gen.Char.AlphaNumeric, 0, 20], Gen.OneOf<string>("", "Zoë 木", "\0\r\n", new string('x', 300)));
    private static readonly Gen<string> Name = Gen.OneOf<string>(Gen.String[Gen.Char["abcXYZ-"], 1, 4], Gen.OneOf<string>("content-type", "Content-Type", ""));
    private static readonly Gen<List<KeyValuePair<string, string>>> Headers =
        Gen.Select(Name, Text, KeyValuePair.Create).List[0, 12];
    private static readonly Gen<byte[]> Body = Gen.OneOf<byte[]>(Gen.Byte.Array[0, 200], Gen.Byte.Array[16_000, 17_000]);

    private static readonly Gen<InternalRequestHead> Requests =
        Gen.Select(
            Gen.Select(Text, Gen.OneOf<string>("NONE", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"), Text, Text),
            Gen.Select(Text, Headers, Body, Gen.Bool),
            (a, b) =>
            {
                var head = new InternalRequestHead
                {
                    Method = a.Item1,
                    Verb = b.Item4 ? a.Item2 : "",
                    Query = b.Item4 ? a.Item3 : "",
                    ContentType = a.Item4,
                    DataTypeUrl = b.Item1,
                    Data = b.Item3,
                    HasHttpExtension = b.Item4,
                };
                head.Metadata.AddRange(b.Item2);
                return head;
            });

    private static readonly Gen<InternalResponseHead> Responses =
        Gen.Select(
            Gen.Select(Gen.Int[0, 599], Text, Gen.Select(Text, Text).List[0, 3], Text),
            Gen.Select(Headers, Headers, Body, Text),
            (a, b) =>
            {
                var head = new InternalResponseHead
                {
                    Code = a.Item1,
                    HasStatus = true,
                    Message = a.Item2,
                    ContentType = a.Item4,
                    Data = b.Item3,
                    DataTypeUrl = b.Item4,
                };
                head.Details.AddRange(a.Item3.Select(d => new Any { TypeUrl = d.Item1, Value = ByteString.CopyFromUtf8(d.Item2) }.ToByteArray()));
                head.Headers.AddRange(b.Item1);
                head.Trailers.AddRange(b.Item2);
                return head;
            });

    [Fact]
    public void A_request_that_was_written_is_read_by_the_generated_classes()
        => Requests.Sample(head =>
        {
            var message = InternalInvokeRequest.Parser.ParseFrom(Written(w => InternalMessages.WriteRequest(w, head)));

            Assert.Equal(APIVersion.V1, message.Ver);
            Assert.Equal(head.Method, message.Message.Method);
            Assert.Equal(head.ContentType, message.Message.ContentType);
            Assert.Equal(head.DataTypeUrl, message.Message.Data?.TypeUrl ?? "");
            Assert.Equal(head.Data.ToArray(), message.Message.Data?.Value.ToByteArray() ?? []);
            Assert.Equal(head.HasHttpExtension, message.Message.HttpExtension is not null);
            Assert.Equal(head.HasHttpExtension ? InternalMessages.VerbNumber(head.Verb) : 0, (int)(message.Message.HttpExtension?.Verb ?? 0));
            Assert.Equal(head.Query, message.Message.HttpExtension?.Querystring ?? "");
            AssertSame(head.Metadata, message.Metadata);
        });

    [Fact]
    public void A_request_of_the_generated_classes_is_read()
        => Requests.Sample(expected =>
        {
            var message = new InternalInvokeRequest
            {
                Ver = APIVersion.V1,
                Message = new InvokeRequest
                {
                    Method = expected.Method,
                    ContentType = expected.ContentType,
                    Data = new Any { TypeUrl = expected.DataTypeUrl, Value = ByteString.CopyFrom(expected.Data.Span) },
                    HttpExtension = expected.HasHttpExtension
                        ? new HTTPExtension { Verb = (HTTPExtension.Types.Verb)InternalMessages.VerbNumber(expected.Verb), Querystring = expected.Query }
                        : null,
                },
                Actor = new Actor { ActorType = "ignored" },
            };
            Fill(message.Metadata, expected.Metadata);

            var head = InternalMessages.ReadRequest(message.ToByteArray());

            Assert.Equal(
                (expected.Method, expected.Verb, expected.Query, expected.ContentType, expected.DataTypeUrl, expected.HasHttpExtension),
                (head.Method, head.Verb, head.Query, head.ContentType, head.DataTypeUrl, head.HasHttpExtension));
            Assert.Equal(expected.Data.ToArray(), head.Data.ToArray());
            AssertSame(head.Metadata, message.Metadata);
        });

    [Fact]
    public void A_response_that_was_written_is_read_by_the_generated_classes()
        => Responses.Sample(head =>
        {
            var message = InternalInvokeResponse.Parser.ParseFrom(Written(w => InternalMessages.WriteResponse(w, head)));

            Assert.Equal((head.Code, head.Message), (message.Status.Code, message.Status.Message));
            Assert.Equal(head.Details, message.Status.Details.Select(d => d.ToByteArray()));
            Assert.Equal(head.ContentType, message.Message.ContentType);
            Assert.Equal(head.DataTypeUrl, message.Message.Data?.TypeUrl ?? "");
            Assert.Equal(head.Data.ToArray(), message.Message.Data?.Value.ToByteArray() ?? []);
            AssertSame(head.Headers, message.Headers);
            AssertSame(head.Trailers, message.Trailers);
        });

    [Fact]
    public void A_response_of_the_generated_classes_is_read()
        => Responses.Sample(expected =>
        {
            var message = new InternalInvokeResponse
            {
                Status = new Status { Code = expected.Code, Message = expected.Message, Details = { expected.Details.Select(d => Any.Parser.ParseFrom(d)) } },
                Message = new InvokeResponse { ContentType = expected.ContentType, Data = new Any { TypeUrl = expected.DataTypeUrl, Value = ByteString.CopyFrom(expected.Data.Span) } },
            };
            Fill(message.Headers, expected.Headers);
            Fill(message.Trailers, expected.Trailers);

            var head = InternalMessages.ReadResponse(message.ToByteArray());

            Assert.True(head.HasStatus);
            Assert.Equal((expected.Code, expected.Message, expected.ContentType, expected.DataTypeUrl), (head.Code, head.Message, head.ContentType, head.DataTypeUrl));
            Assert.Equal(expected.Details, head.Details);
            Assert.Equal(expected.Data.ToArray(), head.Data.ToArray());
            AssertSame(head.Headers, message.Headers);
            AssertSame(head.Trailers, message.Trailers);
        });

    [Fact]
    public void A_body_of_any_size_is_framed_so_that_it_is_read_again()
    {
        // Lengths are patched in afterwards, with a fixed number of bytes: the largest message must fit into it.
        foreach (var size in new[] { 0, 1, 127, 128, 16_384, 2_097_151, 2_097_152, 270_000_000 })
        {
            var head = new InternalResponseHead { Code = 200, Data = new byte[size] };
            var bytes = Written(w => InternalMessages.WriteResponse(w, head));

            Assert.Equal(size, InternalInvokeResponse.Parser.ParseFrom(bytes).Message.Data?.Value.Length ?? 0);
        }
    }

    [Fact]
    public void Every_verb_has_the_number_of_the_contract()
    {
        foreach (var verb in System.Enum.GetValues<HTTPExtension.Types.Verb>())
        {
            Assert.Equal((int)verb, InternalMessages.VerbNumber(verb.ToString()));
            Assert.Equal(verb.ToString().ToUpperInvariant(), InternalMessages.VerbName((int)verb));
        }

        Assert.Equal((int)HTTPExtension.Types.Verb.Post, InternalMessages.VerbNumber("BREW"));
        Assert.Equal("", InternalMessages.VerbName(10));
        Assert.Equal("", InternalMessages.VerbName(-1));
    }

    [Fact]
    public void Damaged_bytes_are_read_or_refused_but_nothing_else()
        => Gen.Select(Requests, Gen.Select(Gen.Int[0, 100_000], Gen.Byte).Array[0, 5], Gen.Int[0, 100_000]).Sample((head, damage, cut) =>
        {
            var bytes = Written(w => InternalMessages.WriteRequest(w, head));
            foreach (var (at, with) in damage)
            {
                bytes[at % bytes.Length] = with;
            }

            bytes = cut % 3 == 0 ? bytes[..(cut % bytes.Length)] : bytes;
            foreach (var read in new Action<byte[]>[] { b => InternalMessages.ReadRequest(b), b => InternalMessages.ReadResponse(b) })
            {
                try
                {
                    read(bytes);
                }
                catch (WireException)
                {
                }
            }
        });

    [Fact]
    public void Random_bytes_are_read_or_refused_but_nothing_else()
        => Gen.Byte.Array[0, 60].Sample(bytes =>
        {
            try
            {
                InternalMessages.ReadRequest(bytes);
            }
            catch (WireException)
            {
            }
        });

    private static byte[] Written(Action<WireBuffer> write)
    {
        using var wire = new WireBuffer(16);
        write(wire);
        return wire.Memory.ToArray();
    }

    private static void Fill(IDictionary<string, ListStringValue> map, HeaderList headers)
    {
        foreach (var group in headers.GroupBy(h => h.Key))
        {
            map.Add(group.Key, new ListStringValue { Values = { group.Select(h => h.Value) } });
        }
    }

    // Each name's values in their order; the order of the names is nobody's business.
    private static void AssertSame(HeaderList headers, IDictionary<string, ListStringValue> map)
    {
        var groups = headers.GroupBy(h => h.Key, h => h.Value).ToDictionary(g => g.Key, g => g.ToArray());
        Assert.Equal(groups.Keys.Order(StringComparer.Ordinal), map.Keys.Order(StringComparer.Ordinal));
        Assert.All(groups, g => Assert.Equal(g.Value, map[g.Key].Values));
    }
}
