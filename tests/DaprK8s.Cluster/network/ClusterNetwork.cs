using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;

namespace DaprK8s.Cluster.Network;

/// <summary>
/// The network of a cluster: a bridge in a namespace of its own (so that no packet filter of the machine has a say), a cable from
/// there to the machine, and one to the namespace of each pod. Services have the addresses at the beginning of 10.N/16, which are
/// addresses of the machine's end of the cable; pods have those from 10.N.64.0 on.
/// </summary>
internal sealed class ClusterNetwork : IAsyncDisposable
{
    private const int LowestSubnet = 100;
    private const int HighestSubnet = 250;
    private const int FirstOfPods = 64;

    private readonly string mark;
    private readonly int subnet;
    private int pods = 10;

    private ClusterNetwork(string mark, int subnet) => (this.mark, this.subnet) = (mark, subnet);

    /// <summary>The machine, as the pods see it: their gateway.</summary>
    public IPAddress Gateway => Address(FirstOfPods, 1);

    /// <summary>The cluster's name server.</summary>
    public IPAddress NameServer => Address(0, 10);

    /// <summary>The first two bytes of all its addresses.</summary>
    public string Prefix => string.Create(CultureInfo.InvariantCulture, $"10.{subnet}");

    /// <summary>The API server's Service.</summary>
    public IPAddress ApiService => Address(0, 1);

    private string NodeNamespace => mark + "-node";

    private string Cable => string.Create(CultureInfo.InvariantCulture, $"dk8s{subnet}");

    /// <summary>Builds the network in a subnet that nobody has.</summary>
    public static async Task<ClusterNetwork> CreateAsync(string mark)
    {
        var first = Random.Shared.Next(LowestSubnet, HighestSubnet);
        for (var i = 0; i < HighestSubnet - LowestSubnet; i++)
        {
            var subnet = LowestSubnet + ((first - LowestSubnet + i) % (HighestSubnet - LowestSubnet));
            if (IsTaken(subnet))
            {
                continue;
            }

            var network = new ClusterNetwork(mark, subnet);
            if (await network.TryBuildAsync())
            {
                return network;
            }
        }

        throw new InvalidOperationException($"no free subnet among 10.{LowestSubnet}.0.0/16 to 10.{HighestSubnet}.0.0/16");
    }

    /// <summary>Makes the network namespace of a pod.</summary>
    public async Task<PodNetwork> AddPodAsync()
    {
        var number = Interlocked.Increment(ref pods);
        var address = Address(FirstOfPods + (number / 250), 1 + (number % 250));
        var name = string.Create(CultureInfo.InvariantCulture, $"{mark}-p{number}");
        var port = string.Create(CultureInfo.InvariantCulture, $"p{number}");
        await Commands.ShellAsync($"""
            ip netns add {name}
            ip -n {NodeNamespace} link add {port} type veth peer name eth0 netns {name}
            ip -n {NodeNamespace} link set {port} master pods up
            ip -n {name} addr add {address}/16 dev eth0
            ip -n {name} link set lo up
            ip -n {name} link set eth0 up
            ip -n {name} route add default via {Gateway}
            ip netns exec {name} sh -c 'echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start'
            """);
        return new PodNetwork(name, address);
    }

    /// <summary>Ends the processes that are left in a pod's namespace, and it.</summary>
    public static Task RemovePodAsync(PodNetwork pod) => Commands.ShellAsync($"""
        for id in $(ip netns pids {pod.Name}); do kill -KILL "$id" 2>/dev/null || true; done
        ip netns delete {pod.Name}
        """);

    /// <summary>An address for a Service, of the machine from now on.</summary>
    public Task AddServiceAddressAsync(IPAddress address) => Commands.ShellAsync($"ip addr replace {address}/32 dev {Cable}");

    /// <summary>A Service's address is no longer needed.</summary>
    public Task RemoveServiceAddressAsync(IPAddress address) => Commands.ShellAsync($"ip addr del {address}/32 dev {Cable}");

    /// <summary>The address of the Service with a number from 1 on; low numbers are the cluster's own.</summary>
    public IPAddress ServiceAddress(int number) => Address(number / 250, 1 + (number % 250));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await Commands.ShellAsync($"ip link delete {Cable} 2>/dev/null || true");

    private async Task<bool> TryBuildAsync()
    {
        try
        {
            // The name of the cable is what two clusters that want the same subnet at the same time would collide on.
            await Commands.ShellAsync($"""
                ip netns add {NodeNamespace}
                ip link add {Cable} type veth peer name machine netns {NodeNamespace}
                ip -n {NodeNamespace} link add pods type bridge
                ip -n {NodeNamespace} link set pods up
                ip -n {NodeNamespace} link set machine master pods up
                ip addr add {Gateway}/16 dev {Cable}
                ip link set {Cable} up
                ip addr add {NameServer}/32 dev {Cable}
                ip addr add {ApiService}/32 dev {Cable}
                """);
            return true;
        }
        catch (InvalidOperationException e) when (e.Message.Contains("File exists", StringComparison.Ordinal))
        {
            await Commands.ShellAsync($"ip netns delete {NodeNamespace} 2>/dev/null || true");
            return false;
        }
    }

    private IPAddress Address(int third, int fourth) => new([10, (byte)subnet, (byte)third, (byte)fourth]);

    private static bool IsTaken(int subnet) => NetworkInterface.GetAllNetworkInterfaces()
        .SelectMany(i => i.GetIPProperties().UnicastAddresses)
        .Select(a => a.Address.GetAddressBytes())
        .Any(b => b.Length == 4 && b[0] == 10 && b[1] == subnet);
}
