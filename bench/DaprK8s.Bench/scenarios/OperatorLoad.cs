using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Security;
using System.Text.Json.Nodes;
using DaprK8s.Bench.Kubernetes;
using DaprK8s.Protos.Operator.V1;

namespace DaprK8s.Bench.Scenarios;

/// <summary>What the operator occupies with many pods and components, and how soon a change reaches every sidecar.</summary>
internal sealed class OperatorLoad(Settings settings, Servers servers) : Scenario(settings, servers)
{
    private const int Namespaces = 20;
    private const int Components = 500;

    public override string Name => "operator";

    private int Pods => Settings.Quick ? 200 : 2000;

    public override async Task<Section> RunAsync()
    {
        var section = new Section($"Operator: {Cell.Count(Pods)} annotated pods with the seven streams of a sidecar each, {Components} components, {Namespaces} namespaces", "what", "measured", "aim");
        await using (var empty = await ControlPlaneUnderTest.StartAsync(Settings))
        {
            var ready = await ReadyTimes.MeasureAsync(Settings, empty, empty.StartOperatorAsync);
            var idle = await empty.StartOperatorAsync();
            section.Row(ready.Row("ready, empty cluster"));
            section.Row((await ReadyTimes.OfKeyAsync(Settings)).Row("an RSA key alone, which the certificate must have", ""));
            section.Row("resident memory, empty cluster", Cell.Megabytes(idle.Memory.Resident), "40 MB");
        }

        await using var plane = await ControlPlaneUnderTest.StartAsync(Settings);
        Fill(plane);
        var service = await plane.StartOperatorAsync();
        section.Row("ready, full cluster", Cell.Ms(service.ReadyAfter), "");
        section.Row("resident memory, full cluster, no sidecar connected", Cell.Megabytes(service.Memory.Resident), "120 MB");

        var received = new CountdownEvent(1);
        var sidecars = await ConnectAsync(plane, service.Port, () => received.Signal());
        try
        {
            section.Row($"resident memory, {Cell.Count(Pods)} sidecars connected", Cell.Megabytes(service.Memory.Resident), "120 MB");
            var one = await ReachAsync(received, Pods / Namespaces, () => Change(plane, 0));
            section.Row($"a change of a component reaches its {Pods / Namespaces} sidecars", Cell.Ms(one), "1 s");
            var all = await ReachAsync(received, Pods, () => Enumerable.Range(0, Namespaces).ToList().ForEach(n => Change(plane, n)));
            section.Row($"a change in each namespace reaches all {Cell.Count(Pods)}", Cell.Ms(all), "1 s");
            section.Row("resident memory, after", Cell.Megabytes(service.Memory.Resident), "120 MB");
        }
        finally
        {
            sidecars.ForEach(s => s.Dispose());
        }

        section.Note("API server, sentry and all sidecars share the cores with it; the API server and the sidecars are in the measuring process.");
        return section;
    }

    private static string NamespaceOf(int number) => $"team-{number}";

    private void Fill(ControlPlaneUnderTest plane)
    {
        for (var i = 0; i < Components; i++)
        {
            plane.Put("dapr.io/v1alpha1", "Component", NamespaceOf(i % Namespaces), $"store-{i / Namespaces}", Spec("0"));
        }

        for (var i = 0; i < Pods; i++)
        {
            plane.Put(
                "v1", "Pod", NamespaceOf(i % Namespaces), $"app-{i / Namespaces}",
                new JsonObject { ["serviceAccountName"] = "default", ["containers"] = new JsonArray(new JsonObject { ["name"] = "app" }, new JsonObject { ["name"] = "daprd" }) },
                new JsonObject { ["dapr.io/enabled"] = "true", ["dapr.io/app-id"] = $"app-{i / Namespaces}" });
        }
    }

    private static JsonObject Spec(string value) => new()
    {
        ["type"] = "state.redis",
        ["version"] = "v1",
        ["metadata"] = new JsonArray(
            new JsonObject { ["name"] = "redisHost", ["value"] = "redis:6379" }, new JsonObject { ["name"] = "maxRetries", ["value"] = value }),
    };

    private static void Change(ControlPlaneUnderTest plane, int number)
        => plane.Put("dapr.io/v1alpha1", "Component", NamespaceOf(number), "store-0", Spec(Random.Shared.Next(1, 1_000_000).ToString(System.Globalization.CultureInfo.InvariantCulture)));

    private async Task<List<StandInSidecar>> ConnectAsync(ControlPlaneUnderTest plane, int port, Action onEvent)
    {
        var identities = new SslStreamCertificateContext[Namespaces];
        for (var n = 0; n < Namespaces; n++)
        {
            identities[n] = await StandInSidecar.IdentityAsync(plane, NamespaceOf(n), "app-0", "app-0");
        }

        var sidecars = new ConcurrentBag<StandInSidecar>();
        await Parallel.ForAsync(0, Pods, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, _) =>
        {
            var sidecar = await StandInSidecar.StartAsync(port, identities[i % Namespaces], NamespaceOf(i % Namespaces), onEvent);
            sidecars.Add(sidecar);
            var list = await sidecar.Client.ListComponentsAsync(new ListComponentsRequest { Namespace = NamespaceOf(i % Namespaces) }, cancellationToken: CancellationToken.None);
            if (list.Components.Count != Components / Namespaces)
            {
                throw new InvalidOperationException($"{list.Components.Count} components instead of {Components / Namespaces}");
            }
        });
        return [.. sidecars];
    }

    private static async Task<TimeSpan> ReachAsync(CountdownEvent received, int expected, Action change)
    {
        received.Reset(expected);
        var clock = Stopwatch.StartNew();
        change();
        var arrived = await Task.Run(() => received.Wait(TimeSpan.FromSeconds(30)));
        return arrived ? clock.Elapsed : throw new TimeoutException($"{received.CurrentCount} of {expected} sidecars did not get the change");
    }
}
