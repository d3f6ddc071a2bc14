using System.Collections.Concurrent;
using System.Net;
using DaprK8s.Components.NameResolution.Mdns;

namespace DaprK8s.Components.Tests.NameResolution;

/// <summary>A multicast group without a network: what one member sends, all members get at once, as do the test's eyes.</summary>
internal sealed class GroupInMemory
{
    private readonly List<Member> members = [];
    private readonly ConcurrentQueue<byte[]> sent = new();
    private readonly ConcurrentQueue<byte[]> unicasts = new();

    /// <summary>Every message sent to the group, oldest first.</summary>
    public IReadOnlyCollection<byte[]> Sent => sent;

    /// <summary>Every message sent to one member, oldest first.</summary>
    public IReadOnlyCollection<byte[]> Unicasts => unicasts;

    /// <summary>The first this many messages after now are lost.</summary>
    public int Losing { get; set; }

    /// <summary>A link for a resolver; every link is a machine of its own.</summary>
    public Member Join()
    {
        lock (members)
        {
            Member member = new(this, new IPEndPoint(new IPAddress([10, 0, 0, (byte)(members.Count + 1)]), MdnsNameResolver.Port));
            members.Add(member);
            return member;
        }
    }

    /// <summary>Says something to the group as a machine that runs no resolver.</summary>
    /// <param name="message">The bytes.</param>
    /// <param name="from">The sender's address.</param>
    public void Say(ReadOnlySpan<byte> message, string from = "10.0.0.200")
    {
        sent.Enqueue(message.ToArray());
        Spread(message, new IPEndPoint(IPAddress.Parse(from), MdnsNameResolver.Port));
    }

    private void Spread(ReadOnlySpan<byte> message, IPEndPoint sender)
    {
        if (Losing > 0)
        {
            Losing--;
            return;
        }

        Member[] now;
        lock (members)
        {
            now = [.. members];
        }

        foreach (var member in now)
        {
            member.Take(message, new DatagramOrigin(sender, 1, sender.Address.Equals(member.EndPoint.Address)));
        }
    }

    /// <summary>One machine's link.</summary>
    internal sealed class Member(GroupInMemory group, IPEndPoint endPoint) : IMdnsLink
    {
        private DatagramHandler? handler;
        private Action networkAppeared = static () => { };

        public IPEndPoint EndPoint => endPoint;

        /// <summary>Whether the machine is off the network: it neither hears nor is heard.</summary>
        public bool IsCut { get; set; }

        public void Open(DatagramHandler onDatagram, Action onNetworkAppeared)
        {
            handler = onDatagram;
            networkAppeared = onNetworkAppeared;
        }

        public void SendToGroup(ReadOnlySpan<byte> message, int interfaceIndex = 0)
        {
            if (!IsCut)
            {
                group.sent.Enqueue(message.ToArray());
                group.Spread(message, endPoint);
            }
        }

        public void SendTo(ReadOnlySpan<byte> message, in DatagramOrigin neighbour) => group.unicasts.Enqueue(message.ToArray());

        public void Take(ReadOnlySpan<byte> message, in DatagramOrigin origin)
        {
            if (!IsCut)
            {
                handler?.Invoke(message, origin);
            }
        }

        public void ComeBack()
        {
            IsCut = false;
            networkAppeared();
        }

        public ValueTask DisposeAsync()
        {
            handler = null;
            return ValueTask.CompletedTask;
        }
    }
}
