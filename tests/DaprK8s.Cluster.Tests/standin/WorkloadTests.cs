using System.Text.Json.Nodes;
using DaprK8s.Cluster.Objects;

namespace DaprK8s.Cluster.Tests.StandIns;

/// <summary>Deployments, StatefulSets, Jobs and Services of the stand-in.</summary>
public sealed class WorkloadTests(StandIn standIn) : IClassFixture<StandIn>
{
    private readonly Place place = standIn.NewPlace();

    [Fact]
    public async Task Pods_call_each_other_by_the_name_of_a_Service()
    {
        place.PutPod("caller");
        PutDeployment("web", "v1", replicas: 1);
        PutService("web", port: 80);
        await place.UntilReadyAsync("caller");

        await Eventually.TrueAsync(async () => (await place.CallFromAsync("caller", "http://web/hello")).Status == 200, "the Service answers by its short name");
        Assert.Contains("\"app\":\"v1\"", (await place.CallFromAsync("caller", $"http://web.{place.Name}.svc.cluster.local/hello")).Body, StringComparison.Ordinal);
        Assert.Contains("ENOTFOUND", (await place.CallFromAsync("caller", "http://nobody/")).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_Service_has_only_the_pods_that_are_ready()
    {
        place.PutPod("caller");
        PutDeployment("web", "v1", replicas: 1);
        PutService("web", port: 80);
        await place.UntilReadyAsync("caller");
        await Eventually.TrueAsync(async () => (await place.CallFromAsync("caller", "http://web/")).Status == 200, "the Service answers");
        var pod = place.Pods.Single(p => p.Name().StartsWith("web-", StringComparison.Ordinal)).Name();

        await place.AskAsync(pod, "/test/health", "false");
        await Eventually.TrueAsync(async () => (await place.CallFromAsync("caller", "http://web/")) is (0, var e) && e.Contains("ECONNREFUSED", StringComparison.Ordinal), "the Service refuses");

        await place.AskAsync(pod, "/test/health", "true");
        await Eventually.TrueAsync(async () => (await place.CallFromAsync("caller", "http://web/")).Status == 200, "the Service answers again");
    }

    [Fact]
    public async Task A_new_template_rolls_out_while_enough_pods_stay_available()
    {
        PutDeployment("web", "v1", replicas: 2);
        await UntilRolledOutAsync("web");
        var lowest = int.MaxValue;
        var old = place.Pods.Select(p => p.Uid()).ToHashSet();

        PutDeployment("web", "v2", replicas: 2);
        await Eventually.TrueAsync(
            () =>
            {
                lowest = Math.Min(lowest, place.Pods.Count(p => p.Is("Ready") && !p.IsBeingDeleted()));
                return place.Pods.All(p => !old.Contains(p.Uid())) && IsRolledOut("web");
            },
            "all pods are of the new template");

        Assert.True(lowest >= 2, $"there were only {lowest} ready pods at times");
        var sets = place.Cluster.Api.Objects.List("replicasets.apps", place.Name);
        Assert.Equal(["0", "2"], sets.OrderBy(s => s.Number("metadata", "annotations", "deployment.kubernetes.io/revision")).Select(s => s.Text("spec", "replicas")));
    }

    [Fact]
    public async Task Pods_of_a_StatefulSet_have_names_that_last()
    {
        place.PutPod("caller");
        PutService("db", port: 8080, headless: true);
        place.Put(new JsonObject
        {
            ["apiVersion"] = "apps/v1",
            ["kind"] = "StatefulSet",
            ["metadata"] = new JsonObject { ["name"] = "db" },
            ["spec"] = new JsonObject
            {
                ["replicas"] = 2,
                ["serviceName"] = "db",
                ["selector"] = new JsonObject { ["matchLabels"] = new JsonObject { ["app"] = "db" } },
                ["template"] = Template("db", "v1", container => container["volumeMounts"]!.AsArray().Add(new JsonObject { ["name"] = "data", ["mountPath"] = "/data" })),
                ["volumeClaimTemplates"] = new JsonArray(new JsonObject { ["metadata"] = new JsonObject { ["name"] = "data" }, ["spec"] = new JsonObject() }),
            },
        });
        await place.UntilReadyAsync("caller");
        await place.UntilReadyAsync("db-1");
        await place.AskAsync("db-1", "/test/write?path=/data/x", "kept");
        await Eventually.TrueAsync(async () => (await place.CallFromAsync("caller", "http://db-1.db:8080/")).Status == 200, "the pod has a name of its own");

        var uid = place.Find("pods", "db-1")!.Value.Uid();
        place.Cluster.Api.Objects.Delete("pods", place.Name, "db-1");
        await Eventually.TrueAsync(() => place.Find("pods", "db-1") is { } next && next.Uid() != uid && next.Is("Ready"), "another pod has taken the name");

        Assert.Equal("kept", await place.AskAsync("db-1", "/test/file?path=/data/x"));
    }

    [Fact]
    public async Task A_Job_is_complete_when_its_pod_has_succeeded_and_failed_when_its_tries_are_used_up()
    {
        PutJob("good", "exit 0");
        PutJob("bad", "exit 1");

        await Eventually.TrueAsync(() => place.Find("jobs.batch", "good")?.Is("Complete") == true, "the good job is complete");
        await Eventually.TrueAsync(() => place.Find("jobs.batch", "bad")?.Is("Failed") == true, "the bad job has failed");
        Assert.Equal(2, place.Find("jobs.batch", "bad")!.Value.Number("status", "failed"));
    }

    private void PutJob(string name, string script) => place.Put(new JsonObject
    {
        ["apiVersion"] = "batch/v1",
        ["kind"] = "Job",
        ["metadata"] = new JsonObject { ["name"] = name },
        ["spec"] = new JsonObject
        {
            ["backoffLimit"] = 1,
            ["template"] = new JsonObject
            {
                ["spec"] = new JsonObject
                {
                    ["restartPolicy"] = "Never",
                    ["containers"] = new JsonArray(new JsonObject { ["name"] = "work", ["image"] = "busybox", ["command"] = new JsonArray("sh", "-c", script) }),
                },
            },
        },
    });

    private void PutDeployment(string name, string version, int replicas)
    {
        place.PutApp();
        place.Put(new JsonObject
        {
            ["apiVersion"] = "apps/v1",
            ["kind"] = "Deployment",
            ["metadata"] = new JsonObject { ["name"] = name },
            ["spec"] = new JsonObject
            {
                ["replicas"] = replicas,
                ["selector"] = new JsonObject { ["matchLabels"] = new JsonObject { ["app"] = name } },
                ["template"] = Template(name, version),
            },
        });
    }

    private static JsonObject Template(string name, string version, Action<JsonObject>? change = null)
    {
        var template = new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["app"] = name } }, ["spec"] = Place.PodSpec() };
        Place.Container(template)["env"]!.AsArray().Add(new JsonObject { ["name"] = "APP_NAME", ["value"] = version });
        change?.Invoke(Place.Container(template));
        return template;
    }

    private void PutService(string name, int port, bool headless = false)
    {
        var spec = new JsonObject
        {
            ["selector"] = new JsonObject { ["app"] = name },
            ["ports"] = new JsonArray(new JsonObject { ["port"] = port, ["targetPort"] = "http" }),
        };
        if (headless)
        {
            spec["clusterIP"] = "None";
        }

        place.Put(new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Service", ["metadata"] = new JsonObject { ["name"] = name }, ["spec"] = spec });
    }

    private bool IsRolledOut(string deployment)
        => place.Find("deployments.apps", deployment) is { } d
            && d.Number("status", "observedGeneration") == d.Number("metadata", "generation")
            && d.Number("status", "updatedReplicas") == d.Number("spec", "replicas")
            && d.Number("status", "replicas") == d.Number("spec", "replicas")
            && d.Number("status", "availableReplicas") == d.Number("spec", "replicas");

    private Task UntilRolledOutAsync(string deployment) => Eventually.TrueAsync(() => IsRolledOut(deployment), $"deployment {deployment} is rolled out");
}
