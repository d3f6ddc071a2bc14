using DaprK8s.Protos.Common.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace DaprK8s.Sidecar.App;

/// <summary><c>dapr.proto.common.v1.InvokeRequest</c> with its body as memory.</summary>
internal sealed record InvokeRequestMessage(
    string Method, ReadOnlyMemory<byte> Data, string ContentType, string DataTypeUrl, string Verb, string Query)
{
    public static Marshaller<InvokeRequestMessage> Marshaller { get; } = new(
        static m => new InvokeRequest
        {
            Method = m.Method,
            Data = new Any { TypeUrl = m.DataTypeUrl, Value = UnsafeByteOperations.UnsafeWrap(m.Data) },
            ContentType = m.ContentType,
            HttpExtension = new HTTPExtension
            {
                Verb = (HTTPExtension.Types.Verb)Wire.InternalMessages.VerbNumber(m.Verb.Length == 0 ? "POST" : m.Verb),
                Querystring = m.Query,
            },
        }.ToByteArray(),
        static _ => throw new NotSupportedException("requests are only sent"));
}

/// <summary><c>dapr.proto.common.v1.InvokeResponse</c>.</summary>
internal sealed record InvokeResponseMessage(byte[] Data, string ContentType, string DataTypeUrl)
{
    public static Marshaller<InvokeResponseMessage> Marshaller { get; } = new(
        static _ => throw new NotSupportedException("responses are only read"),
        static bytes =>
        {
            var message = InvokeResponse.Parser.ParseFrom(bytes);
            return new InvokeResponseMessage(message.Data?.Value.ToByteArray() ?? [], message.ContentType, message.Data?.TypeUrl ?? "");
        });
}
