using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi;
using DaprK8s.KubernetesApi.Kinds;
using DaprK8s.Operator.Reports;

namespace DaprK8s.Operator.Tests.Support;

/// <summary>A cluster with all that an operator needs: API server, sentry, trust anchors, its Configuration, its CRD.</summary>
internal sealed class OperatorCluster : IAsyncDisposable
{
    public const string ControlPlane = "dapr-system";
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("dapr-operator-");
    private readonly List<RunningOperator> operators = [];

    private OperatorCluster(KubernetesApiServer server, TimeProvider time)
    {
        (Server, Time) = (server, time);
        AnchorsFile = Path.Combine(directory.FullName, "ca.crt");
    }

    public KubernetesApiServer Server { get; }

    /// <summary>The clock of the operators.</summary>
    public TimeProvider Time { get; }

    /// <summary>How often statuses are written: as fast as tests like it, unless set.</summary>
    public StatusPace StatusPace { get; set; } = new()
    {
        Settle = TimeSpan.FromMilliseconds(100),
        Absence = TimeSpan.FromMilliseconds(300),
        Grace = TimeSpan.FromMilliseconds(500),
        Spacing = TimeSpan.FromMilliseconds(5),
        Retry = TimeSpan.FromMilliseconds(200),
    };

    public TestTrust Trust { get; } = new();

    public TestSentry Sentry { get; private set; } = null!;

    /// <summary>The trust anchors of the operators that are started from now on.</summary>
    public string AnchorsFile { get; set; }

    public string TokenFile => Path.Combine(directory.FullName, "token");

    public static async Task<OperatorCluster> StartAsync(TimeProvider? time = null)
    {
        var cluster = new OperatorCluster(await KubernetesApiServer.StartAsync(), time ?? TimeProvider.System);
        cluster.Sentry = new TestSentry(cluster.Trust);
        await cluster.Sentry.StartAsync();
        await File.WriteAllTextAsync(cluster.AnchorsFile, cluster.Trust.Pem);
        await File.WriteAllTextAsync(cluster.TokenFile, "token of the operator");
        cluster.ServeKinds();
        cluster.Put(ControlPlane, "Configuration", "daprsystem", new JsonObject
        {
            ["mtls"] = new JsonObject { ["sentryAddress"] = cluster.Sentry.Address, ["controlPlaneTrustDomain"] = "cluster.local" },
        });
        cluster.PutCrd();
        return cluster;
    }

    /// <summary>Starts an operator and waits until it is ready.</summary>
    public async Task<RunningOperator> StartOperatorAsync(params string[] flags)
    {
        var started = CreateOperator(flags);
        await started.WaitUntilReadyAsync();
        return started;
    }

    /// <summary>Starts an operator.</summary>
    public RunningOperator CreateOperator(params string[] flags)
    {
        var created = new RunningOperator(this, $"operator-{operators.Count}", flags);
        operators.Add(created);
        return created;
    }

    /// <summary>A kubeconfig for a user of this name.</summary>
    public string KubeConfigOf(string user)
    {
        var path = Path.Combine(directory.FullName, $"kubeconfig-{user}");
        Server.Tokens.Add($"token-{user}", user);
        Server.WriteKubeConfig(path, $"token-{user}");
        return path;
    }

    /// <summary>Creates or replaces a resource of <c>dapr.io</c>.</summary>
    public JsonElement Put(string @namespace, string kind, string name, JsonObject spec, string[]? scopes = null, JsonObject? more = null)
    {
        var resource = new JsonObject
        {
            ["apiVersion"] = kind == "Subscription" ? "dapr.io/v2alpha1" : "dapr.io/v1alpha1",
            ["kind"] = kind,
            ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = @namespace },
            ["spec"] = spec,
        };
        if (scopes is not null)
        {
            resource["scopes"] = new JsonArray([.. scopes.Select(s => (JsonNode)s)]);
        }

        foreach (var (key, value) in more ?? [])
        {
            resource[key] = value?.DeepClone();
        }

        return Server.Objects.Put(resource);
    }

    /// <summary>A component with one metadata item, that may come from a Secret.</summary>
    public JsonElement PutComponent(string name, string value = "one", string[]? scopes = null, string @namespace = "default", string? secret = null, string? key = null)
    {
        var item = new JsonObject { ["name"] = "host" };
        if (secret is null)
        {
            item["value"] = value;
        }
        else
        {
            item["secretKeyRef"] = new JsonObject { ["name"] = secret, ["key"] = key ?? "" };
        }

        return Put(@namespace, "Component", name, new JsonObject { ["type"] = "state.in-memory", ["version"] = "v1", ["metadata"] = new JsonArray(item) }, scopes);
    }

    public void PutSecret(string name, params (string Key, string Value)[] values) => Server.Objects.Put(new JsonObject
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Secret",
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = "default" },
        ["data"] = new JsonObject(values.Select(v => KeyValuePair.Create<string, JsonNode?>(v.Key, Convert.ToBase64String(Encoding.UTF8.GetBytes(v.Value))))),
    });

    public void Delete(string kind, string name, string @namespace = "default") => Server.Objects.Delete($"{kind}.dapr.io", @namespace, name);

    public JsonElement PutPod(string name, JsonObject annotations, JsonObject? labels = null, string[]? containers = null) => Server.Objects.Put(new JsonObject
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Pod",
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = "default", ["annotations"] = annotations, ["labels"] = labels },
        ["spec"] = new JsonObject { ["containers"] = new JsonArray([.. (containers ?? ["app"]).Select(c => new JsonObject { ["name"] = c, ["image"] = "app" })]) },
    });

    /// <summary>The CRD as it is applied: nothing of this cluster is in it yet.</summary>
    public void PutCrd() => Server.Objects.Put("""
        {"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"subscriptions.dapr.io"},
         "spec":{"group":"dapr.io","scope":"Namespaced","names":{"plural":"subscriptions","singular":"subscription","kind":"Subscription","listKind":"SubscriptionList"},
          "conversion":{"strategy":"Webhook","webhook":{"conversionReviewVersions":["v1","v2alpha1"],
           "clientConfig":{"service":{"namespace":"replaceme","name":"dapr-webhook","path":"/convert"}}}},
          "versions":[
           {"name":"v1alpha1","served":true,"storage":false,"schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}},
           {"name":"v2alpha1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}},"subresources":{"status":{}}}]}}
        """);

    public async ValueTask DisposeAsync()
    {
        foreach (var running in operators)
        {
            await running.DisposeAsync();
        }

        await Sentry.DisposeAsync();
        await Server.DisposeAsync();
        Trust.Dispose();
        directory.Delete(true);
    }

    /// <summary>Waits until the API server knows the webhooks by these trust anchors.</summary>
    public Task IsToldAsync(string anchors)
    {
        var bundle = Convert.ToBase64String(Encoding.ASCII.GetBytes(anchors));
        return Eventually.TrueAsync(
            () =>
            {
                var crd = Server.Objects.Find("customresourcedefinitions.apiextensions.k8s.io", "", "subscriptions.dapr.io")!.Value
                    .GetProperty("spec").GetProperty("conversion").GetProperty("webhook").GetProperty("clientConfig");
                var validation = Server.Objects.Find("validatingwebhookconfigurations.admissionregistration.k8s.io", "", "dapr-operator-validation")!.Value
                    .GetProperty("webhooks")[0].GetProperty("clientConfig");
                return crd.GetProperty("service").GetProperty("namespace").GetString() == ControlPlane
                    && crd.TryGetProperty("caBundle", out var a) && a.GetString() == bundle && validation.TryGetProperty("caBundle", out var b) && b.GetString() == bundle;
            },
            "both are told");
    }

    /// <summary>The configuration of the validating webhook, as the chart has it for components.</summary>
    public void PutValidation() => Server.Objects.Put("""
        {"apiVersion":"admissionregistration.k8s.io/v1","kind":"ValidatingWebhookConfiguration","metadata":{"name":"dapr-operator-validation"},
         "webhooks":[{"name":"validation.dapr.io","clientConfig":{"service":{"namespace":"dapr-system","name":"dapr-webhook","path":"/validate"}},
          "rules":[{"apiGroups":["dapr.io"],"apiVersions":["v1alpha1"],"operations":["CREATE","UPDATE"],"resources":["components"]}],
          "failurePolicy":"Fail","sideEffects":"None","admissionReviewVersions":["v1"]}]}
        """);

    private void ServeKinds()
    {
        Server.Types.Serve(new ResourceType("", "v1", "services", "Service"));
        Server.Types.Serve(new ResourceType("apps", "v1", "deployments", "Deployment", HasStatus: true));
        Server.Types.Serve(new ResourceType("apps", "v1", "statefulsets", "StatefulSet", HasStatus: true));
        Server.Types.Serve(new ResourceType("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", Namespaced: false));
        Server.Types.Serve(new ResourceType("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", Namespaced: false));
        foreach (var (plural, kind) in (ReadOnlySpan<(string, string)>)
            [("components", "Component"), ("configurations", "Configuration"), ("resiliencies", "Resiliency"), ("httpendpoints", "HTTPEndpoint"), ("mcpservers", "MCPServer"), ("workflowaccesspolicies", "WorkflowAccessPolicy")])
        {
            Server.Types.Serve(new ResourceType("dapr.io", "v1alpha1", plural, kind, HasStatus: true, UpdatesNeedVersion: true));
        }
    }
}
