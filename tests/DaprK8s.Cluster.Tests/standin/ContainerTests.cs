using System.Text;
using System.Text.Json.Nodes;
using DaprK8s.Cluster.Objects;

namespace DaprK8s.Cluster.Tests.StandIns;

/// <summary>A container of the stand-in runs as its spec says.</summary>
public sealed class ContainerTests(StandIn standIn) : IClassFixture<StandIn>
{
    private readonly Place place = standIn.NewPlace();

    [Fact]
    public async Task A_container_has_the_variables_and_arguments_of_its_spec()
    {
        place.Put(new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Secret",
            ["metadata"] = new JsonObject { ["name"] = "door" },
            ["data"] = new JsonObject { ["key"] = Convert.ToBase64String("sesame"u8) },
        });
        place.PutPod("vars", pod =>
        {
            pod["metadata"]!["annotations"] = new JsonObject { ["mood"] = "calm" };
            var container = Place.Container(pod);
            container["env"]!.AsArray().Add(Variable("DOOR", "secretKeyRef", new JsonObject { ["name"] = "door", ["key"] = "key" }));
            container["env"]!.AsArray().Add(Variable("POD", "fieldRef", new JsonObject { ["fieldPath"] = "metadata.name" }));
            container["env"]!.AsArray().Add(Variable("MOOD", "fieldRef", new JsonObject { ["fieldPath"] = "metadata.annotations['mood']" }));
            container["env"]!.AsArray().Add(Variable("IP", "fieldRef", new JsonObject { ["fieldPath"] = "status.podIP" }));
            container["env"]!.AsArray().Add(new JsonObject { ["name"] = "BOTH", ["value"] = "$(POD) $(MOOD) $$(POD) $(NOBODY)" });
            container["args"] = new JsonArray("--name", "$(POD)");
        });
        await place.UntilReadyAsync("vars");

        var variables = await place.AskJsonAsync("vars", "/test/env");
        Assert.Equal("sesame", variables.Text("DOOR"));
        Assert.Equal("vars calm $(POD) $(NOBODY)", variables.Text("BOTH"));
        Assert.Equal(place.Cluster.AddressOf(place.Name, "vars")!.ToString(), variables.Text("IP"));
        Assert.Equal("""["--name","vars"]""", await place.AskAsync("vars", "/test/args"));
        Assert.Null(variables.Text("DOTNET_ROOT"));
    }

    [Fact]
    public async Task A_container_has_its_own_user_and_a_root_that_it_cannot_write_to()
    {
        place.PutPod("locked", pod =>
        {
            Place.Container(pod)["securityContext"] = new JsonObject { ["runAsUser"] = 1234, ["readOnlyRootFilesystem"] = true };
            Place.Container(pod)["volumeMounts"]!.AsArray().Add(new JsonObject { ["name"] = "scratch", ["mountPath"] = "/scratch" });
            pod["spec"]!["volumes"]!.AsArray().Add(new JsonObject { ["name"] = "scratch", ["emptyDir"] = new JsonObject { ["medium"] = "Memory" } });
        });
        await place.UntilReadyAsync("locked");

        Assert.Equal(1234, (await place.AskJsonAsync("locked", "/test/user")).Number("uid"));
        Assert.Equal("EROFS", (await place.AskJsonAsync("locked", "/test/write?path=/tmp/x", "x")).Text("error"));
        await place.AskAsync("locked", "/test/write?path=/scratch/x", "kept");
        Assert.Equal("kept", await place.AskAsync("locked", "/test/file?path=/scratch/x"));
    }

    [Fact]
    public async Task A_container_that_must_not_be_root_is_not_started_as_root()
    {
        place.PutPod("proud", pod => Place.Container(pod)["securityContext"] = new JsonObject { ["runAsNonRoot"] = true });

        await Eventually.TrueAsync(
            () => place.Find("pods", "proud")?.Items("status", "containerStatuses").Any(c => c.Text("state", "waiting", "reason") == "CreateContainerConfigError") == true,
            "the container waits with an error of its configuration");
    }

    [Fact]
    public async Task Pods_of_one_machine_do_not_share_ports_or_the_loopback_interface()
    {
        place.PutPod("one");
        place.PutPod("two", pod => Place.Container(pod)["env"]!.AsArray().Add(new JsonObject { ["name"] = "APP_NAME", ["value"] = "second" }));
        await place.UntilReadyAsync("one");
        await place.UntilReadyAsync("two");

        Assert.Contains("\"app\":\"second\"", (await place.CallFromAsync("two", "http://localhost:8080/hello")).Body, StringComparison.Ordinal);
        Assert.Contains("\"app\":\"one\"", (await place.CallFromAsync("one", "http://127.0.0.1:8080/hello")).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pod_has_an_account_that_the_API_server_knows()
    {
        place.PutPod("known");
        await place.UntilReadyAsync("known");

        const string Directory = "/var/run/secrets/kubernetes.io/serviceaccount";
        Assert.Equal(place.Name, await place.AskAsync("known", $"/test/file?path={Directory}/namespace"));
        Assert.StartsWith("-----BEGIN CERTIFICATE-----", await place.AskAsync("known", $"/test/file?path={Directory}/ca.crt"), StringComparison.Ordinal);
        var token = await place.AskAsync("known", $"/test/file?path={Directory}/token");
        var claims = Encoding.UTF8.GetString(System.Buffers.Text.Base64Url.DecodeFromChars(token.Split('.')[1]));
        Assert.Contains($"\"sub\":\"system:serviceaccount:{place.Name}:default\"", claims, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_for_an_audience_is_replaced_before_it_expires()
    {
        place.PutPod("renewed", pod =>
        {
            Place.Container(pod)["volumeMounts"]!.AsArray().Add(new JsonObject { ["name"] = "identity", ["mountPath"] = "/identity", ["readOnly"] = true });
            var source = new JsonObject { ["serviceAccountToken"] = new JsonObject { ["audience"] = "sentry", ["expirationSeconds"] = 600, ["path"] = "token" } };
            pod["spec"]!["volumes"]!.AsArray().Add(new JsonObject { ["name"] = "identity", ["projected"] = new JsonObject { ["sources"] = new JsonArray(source) } });
        });
        await place.UntilReadyAsync("renewed");

        var first = await place.AskAsync("renewed", "/test/file?path=/identity/token");
        await Eventually.TrueAsync(async () => await place.AskAsync("renewed", "/test/file?path=/identity/token") != first, "another token is in the file");
    }

    [Fact]
    public async Task A_change_of_a_secret_reaches_the_files_of_a_running_container()
    {
        void PutSecret(string value) => place.Put(new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Secret",
            ["metadata"] = new JsonObject { ["name"] = "password" },
            ["data"] = new JsonObject { ["word"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(value)) },
        });
        PutSecret("old");
        place.PutPod("informed", pod =>
        {
            Place.Container(pod)["volumeMounts"]!.AsArray().Add(new JsonObject { ["name"] = "password", ["mountPath"] = "/password" });
            pod["spec"]!["volumes"]!.AsArray().Add(new JsonObject { ["name"] = "password", ["secret"] = new JsonObject { ["secretName"] = "password" } });
        });
        await place.UntilReadyAsync("informed");
        Assert.Equal("old", await place.AskAsync("informed", "/test/file?path=/password/word"));

        PutSecret("new");

        await Eventually.TrueAsync(async () => await place.AskAsync("informed", "/test/file?path=/password/word") == "new", "the file has the new value");
    }

    [Fact]
    public async Task A_pod_waits_for_a_ConfigMap_that_is_not_there_yet()
    {
        place.PutPod("patient", pod =>
        {
            Place.Container(pod)["volumeMounts"]!.AsArray().Add(new JsonObject { ["name"] = "late", ["mountPath"] = "/late" });
            pod["spec"]!["volumes"]!.AsArray().Add(new JsonObject { ["name"] = "late", ["configMap"] = new JsonObject { ["name"] = "late" } });
        });
        await Eventually.TrueAsync(
            () => place.Cluster.Api.Objects.List("events", place.Name).Any(e => e.Text("reason") == "FailedMount" && e.Text("message")!.Contains("\"late\" not found", StringComparison.Ordinal)),
            "an event tells of the missing ConfigMap");

        place.Put(new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "ConfigMap",
            ["metadata"] = new JsonObject { ["name"] = "late" },
            ["data"] = new JsonObject { ["word"] = "here" },
        });

        await place.UntilReadyAsync("patient");
        Assert.Equal("here", await place.AskAsync("patient", "/test/file?path=/late/word"));
    }

    private static JsonObject Variable(string name, string source, JsonObject reference)
        => new() { ["name"] = name, ["valueFrom"] = new JsonObject { [source] = reference } };
}
