using System.Globalization;
using DaprK8s.Components.Metadata;

namespace DaprK8s.Components.Redis;

/// <summary>One server address of <c>redisHost</c> (contract: components 2.16).</summary>
/// <param name="Name">Name or address, IPv6 without brackets.</param>
/// <param name="Port">The port.</param>
internal readonly record struct RedisHost(string Name, int Port)
{
    private const int DefaultPort = 6379;

    /// <inheritdoc/>
    public override string ToString() => Name.Contains(':', StringComparison.Ordinal) ? $"[{Name}]:{Port}" : $"{Name}:{Port}";

    /// <summary>Reads a comma list; hosts without a port get the one given, or else 6379.</summary>
    /// <param name="text">The value of <c>redisHost</c>.</param>
    /// <param name="port">The value of <c>redisPort</c>, 0 when there is none.</param>
    /// <exception cref="ComponentMetadataException">There is no host, or one that contradicts the port.</exception>
    public static IReadOnlyList<RedisHost> ParseList(string text, int port)
    {
        List<RedisHost> hosts = [];
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            hosts.Add(Parse(part, port));
        }

        return hosts.Count > 0 ? hosts : throw new ComponentMetadataException(RedisFields.Host.Name, "metadata property redisHost is empty");
    }

    private static RedisHost Parse(string text, int port)
    {
        var (name, ownPort) = Split(text);
        if (ownPort.Length == 0)
        {
            return new RedisHost(name, port == 0 ? DefaultPort : port);
        }

        if (!ushort.TryParse(ownPort, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            throw new ComponentMetadataException(RedisFields.Host.Name, $"redis client configuration error: \"{ownPort}\" is no port");
        }

        if (port != 0 && port != number)
        {
            throw new ComponentMetadataException(
                RedisFields.Host.Name,
                $"redis client configuration error: redis host \"{text}\" already contains port {number}, but redisPort is set to {port}; "
                + "either remove the port from redisHost or remove the redisPort setting");
        }

        return new RedisHost(name, number);
    }

    private static (string Name, string Port) Split(string text)
    {
        var colon = text.LastIndexOf(':');
        if (text[0] == '[')
        {
            var bracket = text.IndexOf(']', StringComparison.Ordinal);
            return bracket < 0
                ? throw new ComponentMetadataException(RedisFields.Host.Name, "redis client configuration error: a bracket is not closed")
                : (text[1..bracket], colon > bracket ? text[(colon + 1)..] : "");
        }

        // More than one colon without brackets is an IPv6 address without a port.
        return colon < 0 || text.IndexOf(':', StringComparison.Ordinal) != colon ? (text, "") : (text[..colon], text[(colon + 1)..]);
    }
}
