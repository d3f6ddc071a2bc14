using System.Collections.Immutable;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.Cluster.Node;
using DaprK8s.Cluster.Network;
using DaprK8s.Cluster.Objects;
using DaprK8s.KubernetesApi;

namespace DaprK8s.Cluster.Controllers;

/// <summary>
/// Services: their addresses, the pods behind them, and the Endpoints and EndpointSlices that tell of those. The name server and the
/// proxy follow.
/// </summary>
internal sealed class Services(ClusterObjects objects, ClusterNetwork network, ServiceTable table, ServiceProxy proxy, IPEndPoint apiServer, ControllerLog log)
    : Controller(objects, log)
{
    private const int FirstNumber = 20;
    private readonly Dictionary<string, IPAddress> addresses = [];
    private int next = FirstNumber;

    protected override async Task ReconcileAsync(CancellationToken cancellationToken)
    {
        var entries = ImmutableDictionary.CreateBuilder<(string, string), ServiceEntry>();
        var pods = Objects.List("pods").Where(p => p.Text("status", "podIP") is not null && p.Text("status", "phase") is not ("Failed" or "Succeeded")).ToLookup(p => p.Namespace());
        var services = Objects.List("services");
        await EachAsync(services, async service => entries[(service.Namespace(), service.Name())] = await EntryAsync(service, pods[service.Namespace()]));
        Forget(services);
        table.Replace(entries.ToImmutable());
        proxy.Follow(table);
    }

    private async Task<ServiceEntry> EntryAsync(JsonElement service, IEnumerable<JsonElement> candidates)
    {
        var address = await AddressAsync(service);
        if (service.Namespace() == "default" && service.Name() == "kubernetes")
        {
            return new ServiceEntry(address, [], [new ServicePort(443, [apiServer])]);
        }

        if (!service.Members("spec", "selector").Any())
        {
            return new ServiceEntry(address, [], []);
        }

        var pods = candidates.Where(p => p.HasLabels(service.Members("spec", "selector"))).OrderBy(p => p.Name(), StringComparer.Ordinal).ToList();
        var all = service.Flag("spec", "publishNotReadyAddresses") == true;
        var ready = pods.Where(p => all || (p.Is("Ready") && !p.IsBeingDeleted())).ToList();
        Publish(service, ready, [.. pods.Except(ready)]);
        return new ServiceEntry(
            address,
            [.. ready.Select(p => new ServicePod(AddressOf(p), Hostname(service, p)))],
            [.. service.Items("spec", "ports").Select(port => new ServicePort(port.Number("port") ?? 0, Targets(port, ready)))]);
    }

    private static ImmutableArray<IPEndPoint> Targets(JsonElement port, List<JsonElement> pods)
        => [.. pods.Select(p => (Pod: p, Port: TargetPort(port, p))).Where(t => t.Port is not null).Select(t => new IPEndPoint(AddressOf(t.Pod), t.Port!.Value))];

    private static int? TargetPort(JsonElement port, JsonElement pod)
        => port.Text("targetPort") is { } target and not "0" and not "" ? PodSpecs.Port(PodSpecs.AllContainers(pod), target) : port.Number("port");

    private static IPAddress AddressOf(JsonElement pod) => IPAddress.Parse(pod.Text("status", "podIP")!);

    private static string? Hostname(JsonElement service, JsonElement pod)
        => pod.Text("spec", "subdomain") == service.Name() ? pod.Text("spec", "hostname") : null;

    /// <summary>The Service's own address; one that has none yet is given one.</summary>
    private async Task<IPAddress?> AddressAsync(JsonElement service)
    {
        if (service.Text("spec", "type") == "ExternalName" || service.Text("spec", "clusterIP") == "None")
        {
            return null;
        }

        if (!IPAddress.TryParse(service.Text("spec", "clusterIP"), out var address))
        {
            address = service.Namespace() == "default" && service.Name() == "kubernetes" ? network.ApiService : network.ServiceAddress(next++);
            Objects.Change("services", service.Namespace(), service.Name(), o =>
            {
                o["spec"]!["clusterIP"] = address.ToString();
                o["spec"]!["clusterIPs"] = new JsonArray(address.ToString());
            });
        }

        if (addresses.TryAdd(service.Uid(), address))
        {
            await network.AddServiceAddressAsync(address);
        }

        return address;
    }

    /// <summary>What belonged to Services that are gone.</summary>
    private void Forget(IReadOnlyList<JsonElement> services)
    {
        var there = services.Select(s => s.Uid()).ToHashSet();
        foreach (var uid in addresses.Keys.Where(k => !there.Contains(k)).ToList())
        {
            addresses.Remove(uid);
        }

        var names = services.Select(s => (s.Namespace(), s.Name())).ToHashSet();
        foreach (var endpoints in Objects.List("endpoints").Where(e => e.Text("metadata", "labels", ManagedBy) == Manager && !names.Contains((e.Namespace(), e.Name()))))
        {
            Objects.Delete("endpoints", endpoints.Namespace(), endpoints.Name());
            Objects.Delete("endpointslices.discovery.k8s.io", endpoints.Namespace(), endpoints.Name());
        }
    }

    private const string ManagedBy = "endpointslice.kubernetes.io/managed-by";
    private const string Manager = "endpointslice-controller.k8s.io";

    private void Publish(JsonElement service, List<JsonElement> ready, List<JsonElement> notReady)
    {
        var subsets = new JsonArray();
        var slices = new JsonArray();
        var ports = new JsonArray();
        foreach (var port in service.Items("spec", "ports"))
        {
            if (ready.Concat(notReady).Select(p => TargetPort(port, p)).FirstOrDefault(n => n is not null) is { } number)
            {
                var told = new JsonObject { ["port"] = number, ["protocol"] = port.Text("protocol") ?? "TCP" };
                if (port.Text("name") is { } name)
                {
                    told["name"] = name;
                }

                ports.Add(told);
            }
        }

        if (ready.Count + notReady.Count > 0)
        {
            var subset = new JsonObject { ["ports"] = ports.DeepClone() };
            foreach (var (field, part) in new[] { ("addresses", ready), ("notReadyAddresses", notReady) })
            {
                if (part.Count > 0)
                {
                    subset[field] = new JsonArray([.. part.Select(p => Address(service, p))]);
                }
            }

            subsets.Add(subset);
        }

        foreach (var pod in ready.Concat(notReady))
        {
            var endpoint = Address(service, pod);
            endpoint.Remove("ip");
            endpoint["addresses"] = new JsonArray(AddressOf(pod).ToString());
            endpoint["conditions"] = new JsonObject { ["ready"] = ready.Contains(pod), ["serving"] = pod.Is("Ready"), ["terminating"] = pod.IsBeingDeleted() };
            slices.Add(endpoint);
        }

        Objects.Put(Described(service, "v1", "Endpoints", "subsets", subsets));
        var slice = Described(service, "discovery.k8s.io/v1", "EndpointSlice", "endpoints", slices);
        slice["addressType"] = "IPv4";
        slice["ports"] = ports;
        Objects.Put(slice);
    }

    private static JsonObject Described(JsonElement service, string apiVersion, string kind, string field, JsonArray content) => new()
    {
        ["apiVersion"] = apiVersion,
        ["kind"] = kind,
        ["metadata"] = new JsonObject
        {
            ["name"] = service.Name(),
            ["namespace"] = service.Namespace(),
            ["labels"] = new JsonObject { [ManagedBy] = Manager, ["kubernetes.io/service-name"] = service.Name() },
        },
        [field] = content,
    };

    private static JsonObject Address(JsonElement service, JsonElement pod)
    {
        var address = new JsonObject
        {
            ["ip"] = AddressOf(pod).ToString(),
            ["nodeName"] = pod.Text("spec", "nodeName"),
            ["targetRef"] = new JsonObject { ["kind"] = "Pod", ["namespace"] = pod.Namespace(), ["name"] = pod.Name(), ["uid"] = pod.Uid() },
        };
        if (Hostname(service, pod) is { } hostname)
        {
            address["hostname"] = hostname;
        }

        return address;
    }
}
