using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace DaprK8s.Cluster.Network;

/// <summary>
/// The cluster's DNS: addresses of Services, of the pods of headless ones, and of pods by their hostnames there. All other names do
/// not exist.
/// </summary>
internal sealed class NameServer : IAsyncDisposable
{
    private const int HeaderLength = 12;
    private const int AnswerLength = 16;
    private const int MostAnswers = 28;
    private const ushort TypeA = 1;
    private const string Domain = ".svc.cluster.local";

    private readonly ServiceTable services;
    private readonly Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly Task serving;

    public NameServer(ServiceTable services, IPAddress address)
    {
        this.services = services;
        socket.Bind(new IPEndPoint(address, 53));
        serving = ServeAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        socket.Dispose();
        await serving;
    }

    /// <summary>The addresses of a name; nothing when there is no such name.</summary>
    internal IReadOnlyList<IPAddress>? Find(string name)
    {
        name = name.TrimEnd('.').ToLowerInvariant();
        if (!name.EndsWith(Domain, StringComparison.Ordinal))
        {
            return null;
        }

        var labels = name[..^Domain.Length].Split('.');
        if (labels.Length is < 2 or > 3 || !services.Entries.TryGetValue((labels[^1], labels[^2]), out var service))
        {
            return null;
        }

        if (labels.Length == 3)
        {
            var named = service.Pods.Where(p => p.Hostname == labels[0]).Select(p => p.Address).ToList();
            return named.Count > 0 ? named : null;
        }

        return service.ClusterAddress is { } own ? [own] : [.. service.Pods.Select(p => p.Address)];
    }

    private async Task ServeAsync()
    {
        var buffer = new byte[4096];
        while (true)
        {
            try
            {
                var received = await socket.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(IPAddress.Any, 0));
                if (Answer(buffer.AsSpan(0, received.ReceivedBytes)) is { } answer)
                {
                    await socket.SendToAsync(answer, SocketFlags.None, received.RemoteEndPoint);
                }
            }
            catch (ObjectDisposedException)
            {
                return;
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.OperationAborted or SocketError.Interrupted)
            {
                return;
            }
            catch (SocketException)
            {
                // The asker has gone.
            }
        }
    }

    private byte[]? Answer(ReadOnlySpan<byte> query)
    {
        if (query.Length < HeaderLength || (query[2] & 0x80) != 0 || BinaryPrimitives.ReadUInt16BigEndian(query[4..]) != 1)
        {
            return null;
        }

        var name = new StringBuilder();
        var at = HeaderLength;
        while (at < query.Length && query[at] != 0)
        {
            var length = query[at];
            if (length > 63 || at + 1 + length >= query.Length)
            {
                return null;
            }

            name.Append(Encoding.ASCII.GetString(query.Slice(at + 1, length))).Append('.');
            at += length + 1;
        }

        var end = at + 5;
        if (end > query.Length)
        {
            return null;
        }

        var found = Find(name.ToString());
        var addresses = BinaryPrimitives.ReadUInt16BigEndian(query[(at + 1)..]) == TypeA ? found ?? [] : [];
        var count = Math.Min(addresses.Count, MostAnswers);
        var answer = new byte[end + (count * AnswerLength)];
        query[..end].CopyTo(answer);
        answer[2] = (byte)(0x84 | (query[2] & 1)); // An authoritative answer; recursion as it was desired.
        answer[3] = (byte)(0x80 | (found is null ? 3 : 0));
        BinaryPrimitives.WriteUInt16BigEndian(answer.AsSpan(6), (ushort)count);
        answer.AsSpan(8, 4).Clear();
        for (var i = 0; i < count; i++)
        {
            var record = answer.AsSpan(end + (i * AnswerLength));
            BinaryPrimitives.WriteUInt16BigEndian(record, 0xC00C); // The name of the question.
            BinaryPrimitives.WriteUInt16BigEndian(record[2..], TypeA);
            BinaryPrimitives.WriteUInt16BigEndian(record[4..], 1);
            BinaryPrimitives.WriteUInt32BigEndian(record[6..], 5);
            BinaryPrimitives.WriteUInt16BigEndian(record[10..], 4);
            addresses[i].GetAddressBytes().CopyTo(record[12..]);
        }

        return answer;
    }
}
