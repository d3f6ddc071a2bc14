using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace DaprK8s.Components.Rego;

/// <summary>Addresses and ranges of addresses, without the network.</summary>
internal static class NetFunctions
{
    /// <summary>Adds them.</summary>
    public static void AddTo(BuiltinTable table)
    {
        table.Add("net.cidr_contains", "string,string", static (_, a, b) => Contains(StringFunctions.Text(a), StringFunctions.Text(b)));
        table.Add("net.cidr_overlap", "string,string", static (_, a, b) => Contains(StringFunctions.Text(a), StringFunctions.Text(b)));
        table.Add("net.cidr_intersects", "string,string", static (_, a, b) => Intersects(StringFunctions.Text(a), StringFunctions.Text(b)));
        table.Add("net.cidr_is_valid", "string", static (Evaluation _, RegoValue a) => RegoBoolean.Of(TryRange(StringFunctions.Text(a), out IPNetwork _)));
        table.Add("net.cidr_expand", "string", static (e, a) => Expand(e, StringFunctions.Text(a)));
    }

    private static RegoBoolean? Contains(string range, string other)
    {
        if (!TryRange(range, out var outer))
        {
            return null;
        }

        if (TryAddress(other, out var address))
        {
            return RegoBoolean.Of(outer.Contains(address));
        }

        return TryRange(other, out var inner)
            ? RegoBoolean.Of(outer.PrefixLength <= inner.PrefixLength && outer.Contains(inner.BaseAddress))
            : null;
    }

    private static RegoBoolean? Intersects(string a, string b)
        => TryRange(a, out var x) && TryRange(b, out var y) ? RegoBoolean.Of(x.Contains(y.BaseAddress) || y.Contains(x.BaseAddress)) : null;

    private static RegoSet? Expand(Evaluation e, string text)
    {
        if (!TryRange(text, out var range))
        {
            return null;
        }

        var bytes = range.BaseAddress.GetAddressBytes();
        var free = (bytes.Length * 8) - range.PrefixLength;
        e.Spend(free >= 62 ? long.MaxValue : 1L << free);
        List<RegoValue> all = [];
        for (var i = 0L; i < 1L << free; i++)
        {
            all.Add(new RegoString(new IPAddress(bytes).ToString()));
            for (var at = bytes.Length - 1; at >= 0 && ++bytes[at] == 0; at--)
            {
            }
        }

        return RegoSet.Of(all);
    }

    /// <summary>An address as it is usually written; .NET's shorthands such as <c>10.1</c> are none.</summary>
    private static bool TryAddress(string text, out IPAddress address)
    {
        var fits = IPAddress.TryParse(text, out var parsed)
            && (parsed.AddressFamily == AddressFamily.InterNetwork ? parsed.ToString() == text : !text.AsSpan().ContainsAny('%', '['));
        address = parsed is { IsIPv4MappedToIPv6: true } ? parsed.MapToIPv4() : parsed ?? IPAddress.None;
        return fits;
    }

    /// <summary>A range; bits of the address beyond the prefix are dropped.</summary>
    private static bool TryRange(string text, out IPNetwork range)
    {
        range = default;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0 || !TryAddress(text[..slash], out var address)
            || !int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var bits))
        {
            return false;
        }

        var bytes = address.GetAddressBytes();
        if (bits > bytes.Length * 8)
        {
            return false;
        }

        for (var i = bits; i < bytes.Length * 8; i++)
        {
            bytes[i / 8] &= (byte)~(0x80 >> (i % 8));
        }

        range = new IPNetwork(new IPAddress(bytes), bits);
        return true;
    }
}
