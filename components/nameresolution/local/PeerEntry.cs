using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace DaprK8s.Components.NameResolution.Local;

/// <summary>One sidecar's file in the registry.</summary>
internal sealed record PeerEntry
{
    /// <summary>A file longer than this is none of ours.</summary>
    public const int MaxLength = 4096;

    /// <summary>The app id; the directory's name is only derived from it.</summary>
    public string AppId { get; init; } = "";

    /// <summary>The namespace, for people; it is not looked at.</summary>
    public string Namespace { get; init; } = "";

    /// <summary>The address that peers should dial.</summary>
    public string Address { get; init; } = "";

    /// <summary>The internal gRPC port.</summary>
    public int Port { get; init; }

    /// <summary>The sidecar's process.</summary>
    public int Pid { get; init; }

    /// <summary>Tells the process from a later one of the same id.</summary>
    public long ProcessStart { get; init; }

    /// <summary>Where the process id and the address count.</summary>
    public string Scope { get; init; } = "";

    /// <summary>When the sidecar was announced, for people.</summary>
    public DateTimeOffset StartedAt { get; init; }

    /// <summary>The file's name.</summary>
    [JsonIgnore]
    public string FileName => $"{Pid.ToString(CultureInfo.InvariantCulture)}-{Port.ToString(CultureInfo.InvariantCulture)}.json";

    /// <summary>What peers dial, <c>host:port</c>.</summary>
    [JsonIgnore]
    public string Endpoint => new IPEndPoint(IPAddress.Parse(Address), Port).ToString();

    /// <summary>Describes this process.</summary>
    public static PeerEntry Of(Announcement self, DateTimeOffset now)
        => new()
        {
            AppId = self.AppId,
            Namespace = self.Namespace,
            Address = self.HostAddress.ToString(),
            Port = self.InternalPort,
            Pid = Environment.ProcessId,
            ProcessStart = ProcessIdentity.StartOf(Environment.ProcessId) ?? 0,
            Scope = ProcessIdentity.Scope,
            StartedAt = now,
        };

    /// <summary>The file's content.</summary>
    public byte[] Encode() => JsonSerializer.SerializeToUtf8Bytes(this, PeerJson.Default.PeerEntry);

    /// <summary>Reads a file's content, trusting nothing of it.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> content, [NotNullWhen(true)] out PeerEntry? entry)
    {
        entry = null;
        try
        {
            var read = JsonSerializer.Deserialize(content, PeerJson.Default.PeerEntry);
            if (read is { AppId.Length: > 0, Address: not null, Scope: not null, Port: > 0 and <= ushort.MaxValue, Pid: > 0 }
                && IPAddress.TryParse(read.Address, out _))
            {
                entry = read;
            }
        }
        catch (JsonException)
        {
            // Garbage.
        }

        return entry is not null;
    }
}

/// <summary>The file's JSON form.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(PeerEntry))]
internal sealed partial class PeerJson : JsonSerializerContext;
