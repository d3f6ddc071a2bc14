using System.Reflection;
using System.Text.Json.Nodes;
using DaprK8s.Common.Resources;

namespace DaprK8s.Bench.Kubernetes;

/// <summary>What an installation of the chart leaves in the cluster besides the services, as far as these look for it when they start.</summary>
internal static class InstalledObjects
{
    private const string Prefix = "crds/";

    /// <summary>The custom resource definitions, as they are applied.</summary>
    public static IEnumerable<JsonObject> Definitions()
    {
        var assembly = Assembly.GetExecutingAssembly();
        foreach (var file in assembly.GetManifestResourceNames().Where(n => n.StartsWith(Prefix, StringComparison.Ordinal)))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(file)!);
            yield return JsonNode.Parse(YamlJson.Convert(reader.ReadToEnd())!)!.AsObject();
        }
    }

    /// <summary>The webhooks of a release, without the CA bundles that the services put in.</summary>
    /// <param name="namespace">The control plane's namespace.</param>
    public static IEnumerable<JsonObject> Webhooks(string @namespace)
    {
        yield return Configuration(
            "MutatingWebhookConfiguration", "dapr-sidecar-injector", "sidecar-injector.dapr.io", @namespace, "dapr-sidecar-injector", "/mutate", "", "v1", ["pods"]);
        yield return Configuration(
            "ValidatingWebhookConfiguration", "dapr-operator-validation", "validation.dapr.io", @namespace, "dapr-webhook", "/validate", "dapr.io", "*",
            ["components", "configurations", "subscriptions", "resiliencies", "httpendpoints", "mcpservers", "workflowaccesspolicies"]);
    }

    private static JsonObject Configuration(
        string kind, string name, string webhook, string @namespace, string service, string path, string group, string version, string[] resources)
        => new()
        {
            ["apiVersion"] = "admissionregistration.k8s.io/v1",
            ["kind"] = kind,
            ["metadata"] = new JsonObject { ["name"] = name },
            ["webhooks"] = new JsonArray(new JsonObject
            {
                ["name"] = webhook,
                ["clientConfig"] = new JsonObject { ["service"] = new JsonObject { ["namespace"] = @namespace, ["name"] = service, ["path"] = path, ["port"] = 443 } },
                ["rules"] = new JsonArray(new JsonObject
                {
                    ["apiGroups"] = new JsonArray(group),
                    ["apiVersions"] = new JsonArray(version),
                    ["resources"] = new JsonArray([.. resources.Select(r => (JsonNode)r)]),
                    ["operations"] = new JsonArray("CREATE"),
                }),
                ["failurePolicy"] = "Ignore",
                ["admissionReviewVersions"] = new JsonArray("v1"),
                ["sideEffects"] = "None",
            }),
        };
}
