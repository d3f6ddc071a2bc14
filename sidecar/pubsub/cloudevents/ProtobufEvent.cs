using System.Text.Unicode;

namespace DaprK8s.Sidecar.PubSub.CloudEvents;

/// <summary>
/// Tells whether bytes decode as <c>io.cloudevents.v1.CloudEvent</c>: well-formed wire data whose known text fields are
/// UTF-8. Nothing is built.
/// </summary>
internal static class ProtobufEvent
{
    private const int Varint = 0, Fixed64 = 1, Bytes = 2, StartGroup = 3, EndGroup = 4, Fixed32 = 5;

    // id, source, spec_version, type, attributes, binary_data, text_data, proto_data
    private const int Attributes = 5, TextData = 7, ProtoData = 8;
    private const int MaxDepth = 32;

    public static bool IsEvent(ReadOnlySpan<byte> data) => IsMessage(data, isEvent: true, 0);

    private static bool IsMessage(ReadOnlySpan<byte> data, bool isEvent, int depth)
    {
        while (!data.IsEmpty)
        {
            if (!TryTakeVarint(ref data, out var tag) || tag >> 3 is 0 or > 0x1fff_ffff || !TryTakeField(ref data, tag, depth, out var value))
            {
                return false;
            }

            var field = (int)(tag >> 3);
            if (!isEvent || (tag & 7) != Bytes)
            {
                continue;
            }

            var fits = field switch
            {
                >= 1 and <= 4 or TextData => Utf8.IsValid(value),
                Attributes or ProtoData => IsMessage(value, isEvent: false, depth + 1),
                _ => true,
            };
            if (!fits)
            {
                return false;
            }
        }

        return true;
    }

    private static bool TryTakeField(ref ReadOnlySpan<byte> data, ulong tag, int depth, out ReadOnlySpan<byte> value)
    {
        value = default;
        switch ((int)(tag & 7))
        {
            case Varint:
                return TryTakeVarint(ref data, out _);
            case Fixed64:
                return TryTake(ref data, 8, out _);
            case Fixed32:
                return TryTake(ref data, 4, out _);
            case Bytes:
                return TryTakeVarint(ref data, out var length) && TryTake(ref data, length, out value);
            case StartGroup:
                return TrySkipGroup(ref data, tag >> 3, depth);
            default:
                return false;
        }
    }

    private static bool TrySkipGroup(ref ReadOnlySpan<byte> data, ulong field, int depth)
    {
        while (depth < MaxDepth && TryTakeVarint(ref data, out var tag) && tag >> 3 is not (0 or > 0x1fff_ffff))
        {
            if ((tag & 7) == EndGroup)
            {
                return tag >> 3 == field;
            }

            if (!TryTakeField(ref data, tag, depth + 1, out _))
            {
                return false;
            }
        }

        return false;
    }

    private static bool TryTake(ref ReadOnlySpan<byte> data, ulong length, out ReadOnlySpan<byte> value)
    {
        if (length > (ulong)data.Length)
        {
            value = default;
            return false;
        }

        value = data[..(int)length];
        data = data[(int)length..];
        return true;
    }

    private static bool TryTakeVarint(ref ReadOnlySpan<byte> data, out ulong value)
    {
        value = 0;
        for (var i = 0; i < 10 && i < data.Length; i++)
        {
            value |= (ulong)(data[i] & 0x7f) << (7 * i);
            if (data[i] < 0x80)
            {
                data = data[(i + 1)..];
                return true;
            }
        }

        return false;
    }
}
