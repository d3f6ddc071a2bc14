using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Components.Middleware.RateLimit;

/// <summary>
/// Whose bucket a request is taken from: its client's address and its path, both in one form however they are written. An IPv6
/// client has a whole /64 at its disposal, and counts as one.
/// </summary>
/// <param name="Address">The address; IPv4 as it maps into IPv6, IPv6 without its lower half.</param>
/// <param name="PathHash">A hash, so that a long path takes no more room than a short one; its seed differs in each process.</param>
/// <param name="PathLength">Tells apart most paths that share a hash.</param>
internal readonly record struct ClientKey(UInt128 Address, int PathHash, int PathLength)
{
    public static ClientKey Of(HttpContext context)
    {
        var path = PlainPath.Of(context.Request.Path.Value ?? "/");
        return new ClientKey(Group(ClientAddress(context)), path.GetHashCode(StringComparison.Ordinal), path.Length);
    }

    // What a client says of itself counts only where nothing better is known: it could name another one each time.
    private static IPAddress? ClientAddress(HttpContext context)
    {
        if (context.Connection.RemoteIpAddress is { } peer)
        {
            return peer;
        }

        var forwarded = context.Request.Headers["X-Forwarded-For"].ToString();
        var last = forwarded[(forwarded.LastIndexOf(',') + 1)..].Trim();
        return IPAddress.TryParse(last, out var address) || IPAddress.TryParse(context.Request.Headers["X-Real-IP"].ToString(), out address) ? address : null;
    }

    private static UInt128 Group(IPAddress? address)
    {
        if (address is null)
        {
            return 0;
        }

        Span<byte> bytes = stackalloc byte[16];
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            address = address.MapToIPv6();
        }

        address.TryWriteBytes(bytes, out _);
        if (!address.IsIPv4MappedToIPv6)
        {
            bytes[8..].Clear();
        }

        return System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }
}
