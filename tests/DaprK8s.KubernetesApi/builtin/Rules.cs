using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.CustomResources;
using DaprK8s.KubernetesApi.Kinds;

namespace DaprK8s.KubernetesApi.BuiltIn;

/// <summary>What the API server refuses of built-in kinds, as far as charts and manifests run into it: missing parts, fields that can't change.</summary>
internal static class Rules
{
    public static IEnumerable<string> Problems(ResourceType type, JsonObject body, JsonObject? old)
    {
        var problems = type.Kind switch
        {
            "Pod" => Pod(body["spec"], "spec"),
            "Deployment" => Workload(body).Concat(Unchanged(body, old, "spec.selector")),
            "ReplicaSet" => Workload(body).Concat(Unchanged(body, old, "spec.selector")),
            "DaemonSet" => Workload(body).Concat(Unchanged(body, old, "spec.selector")),
            "StatefulSet" => Workload(body).Concat(StatefulSet(body, old)),
            "Job" => Pod(body["spec"]?["template"]?["spec"], "spec.template.spec").Concat(Job(body, old)),
            "CronJob" => Pod(body["spec"]?["jobTemplate"]?["spec"]?["template"]?["spec"], "spec.jobTemplate.spec.template.spec"),
            "Service" => Service(body, old),
            "ConfigMap" or "Secret" => Immutable(body, old),
            "RoleBinding" or "ClusterRoleBinding" => Unchanged(body, old, "roleRef").Select(p => p.Replace("field is immutable", "cannot change roleRef", StringComparison.Ordinal)),
            "CustomResourceDefinition" => Definition.Problems(body),
            "MutatingWebhookConfiguration" or "ValidatingWebhookConfiguration" => Webhooks(body),
            _ => [],
        };
        return Labels(body["metadata"]?["labels"] as JsonObject).Concat(problems);
    }

    private static IEnumerable<string> Labels(JsonObject? labels)
        => (labels ?? []).Where(l => !Names.IsLabelValue((string?)l.Value ?? ""))
            .Select(l => $"metadata.labels: Invalid value: \"{(string?)l.Value}\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')");

    private static IEnumerable<string> Workload(JsonObject body)
    {
        var spec = body["spec"];
        if (spec?["selector"] is not JsonObject selector)
        {
            yield return "spec.selector: Required value";
        }
        else if (selector["matchLabels"] is JsonObject wanted)
        {
            var labels = spec["template"]?["metadata"]?["labels"] as JsonObject ?? [];
            if (wanted.Any(w => (string?)labels[w.Key] != (string?)w.Value))
            {
                yield return $"spec.template.metadata.labels: Invalid value: {labels.ToJsonString()}: `selector` does not match template `labels`";
            }
        }

        foreach (var problem in Pod(spec?["template"]?["spec"], "spec.template.spec", spec?["volumeClaimTemplates"] as JsonArray))
        {
            yield return problem;
        }
    }

    private static IEnumerable<string> Pod(JsonNode? spec, string path, JsonArray? claims = null)
    {
        if (spec?["containers"] is not JsonArray { Count: > 0 } containers)
        {
            yield return $"{path}.containers: Required value";
            yield break;
        }

        // A StatefulSet makes volumes of its claims.
        var volumes = (spec["volumes"] as JsonArray ?? []).Select(v => (string?)v?["name"]).Concat((claims ?? []).Select(c => (string?)c?["metadata"]?["name"])).ToHashSet();
        var names = new HashSet<string>();
        foreach (var list in (string[])["initContainers", "containers"])
        {
            var all = spec[list] as JsonArray ?? [];
            for (var i = 0; i < all.Count; i++)
            {
                var at = $"{path}.{list}[{i}]";
                var name = (string?)all[i]?["name"];
                if (string.IsNullOrEmpty(name))
                {
                    yield return $"{at}.name: Required value";
                }
                else if (!names.Add(name))
                {
                    yield return $"{at}.name: Duplicate value: \"{name}\"";
                }

                if (string.IsNullOrEmpty((string?)all[i]?["image"]))
                {
                    yield return $"{at}.image: Required value";
                }

                var mounts = all[i]?["volumeMounts"] as JsonArray ?? [];
                var paths = new HashSet<string>();
                for (var m = 0; m < mounts.Count; m++)
                {
                    if (!volumes.Contains((string?)mounts[m]?["name"]))
                    {
                        yield return $"{at}.volumeMounts[{m}].name: Not found: \"{(string?)mounts[m]?["name"]}\"";
                    }

                    if (!paths.Add((string?)mounts[m]?["mountPath"] ?? ""))
                    {
                        yield return $"{at}.volumeMounts[{m}].mountPath: Invalid value: \"{(string?)mounts[m]?["mountPath"]}\": must be unique";
                    }
                }
            }
        }
    }

    private static IEnumerable<string> StatefulSet(JsonObject body, JsonObject? old)
    {
        if (old is null)
        {
            yield break;
        }

        string[] free = ["replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit", "persistentVolumeClaimRetentionPolicy", "minReadySeconds"];
        var (before, after) = (old["spec"]?.DeepClone().AsObject() ?? [], body["spec"]?.DeepClone().AsObject() ?? []);
        foreach (var name in free)
        {
            before.Remove(name);
            after.Remove(name);
        }

        if (!JsonNode.DeepEquals(before, after))
        {
            yield return "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
        }
    }

    private static IEnumerable<string> Job(JsonObject body, JsonObject? old)
    {
        if ((string?)body["spec"]?["template"]?["spec"]?["restartPolicy"] is not ("OnFailure" or "Never"))
        {
            yield return $"spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\"";
        }

        foreach (var problem in Unchanged(body, old, "spec.template").Concat(Unchanged(body, old, "spec.selector")).Concat(Unchanged(body, old, "spec.completions")))
        {
            yield return problem;
        }
    }

    private static IEnumerable<string> Service(JsonObject body, JsonObject? old)
    {
        var spec = body["spec"];
        var kind = (string?)spec?["type"];
        var ports = spec?["ports"] as JsonArray ?? [];
        if (ports.Count == 0 && kind != "ExternalName" && (string?)spec?["clusterIP"] != "None")
        {
            yield return "spec.ports: Required value";
        }

        var names = new HashSet<string>();
        var taken = new HashSet<string>();
        for (var i = 0; i < ports.Count; i++)
        {
            var name = (string?)ports[i]?["name"];
            if (name is null && ports.Count > 1)
            {
                yield return $"spec.ports[{i}].name: Required value";
            }
            else if (name is not null && !names.Add(name))
            {
                yield return $"spec.ports[{i}].name: Duplicate value: \"{name}\"";
            }

            if (!taken.Add($"{ports[i]?["port"]}/{ports[i]?["protocol"]}"))
            {
                yield return $"spec.ports[{i}]: Duplicate value: {ports[i]?.ToJsonString()}";
            }

            if ((int?)ports[i]?["port"] is not (>= 1 and <= 65535))
            {
                yield return $"spec.ports[{i}].port: Invalid value: {ports[i]?["port"]?.ToJsonString() ?? "0"}: must be between 1 and 65535, inclusive";
            }
        }

        if (old is not null && (string?)old["spec"]?["type"] == kind)
        {
            foreach (var problem in Unchanged(body, old, "spec.clusterIP"))
            {
                yield return problem;
            }
        }
    }

    private static IEnumerable<string> Immutable(JsonObject body, JsonObject? old)
    {
        if (old is not null && (bool?)old["immutable"] == true
            && (!JsonNode.DeepEquals(old["data"], body["data"]) || (bool?)body["immutable"] != true))
        {
            yield return "data: Forbidden: field is immutable when `immutable` is set";
        }

        foreach (var problem in (string?)old?["type"] is not null ? Unchanged(body, old, "type") : [])
        {
            yield return problem;
        }
    }

    private static IEnumerable<string> Webhooks(JsonObject body)
    {
        var webhooks = body["webhooks"] as JsonArray ?? [];
        var names = new HashSet<string>();
        for (var i = 0; i < webhooks.Count; i++)
        {
            var webhook = webhooks[i]!;
            if (!names.Add((string?)webhook["name"] ?? ""))
            {
                yield return $"webhooks[{i}].name: Duplicate value: \"{(string?)webhook["name"]}\"";
            }

            if ((string?)webhook["sideEffects"] is not ("None" or "NoneOnDryRun"))
            {
                yield return $"webhooks[{i}].sideEffects: Unsupported value: \"{(string?)webhook["sideEffects"]}\": supported values: \"None\", \"NoneOnDryRun\"";
            }

            if (webhook["admissionReviewVersions"] is not JsonArray { Count: > 0 })
            {
                yield return $"webhooks[{i}].admissionReviewVersions: Required value: must specify one of v1, v1beta1";
            }

            if (webhook["clientConfig"] is not JsonObject client || client.ContainsKey("url") == client.ContainsKey("service"))
            {
                yield return $"webhooks[{i}].clientConfig: Required value: exactly one of url or service is required";
            }
        }
    }

    private static IEnumerable<string> Unchanged(JsonObject body, JsonObject? old, string path)
    {
        if (old is not null && !JsonNode.DeepEquals(At(old, path), At(body, path)))
        {
            yield return $"{path}: Invalid value: {At(body, path)?.ToJsonString() ?? "null"}: field is immutable";
        }
    }

    private static JsonNode? At(JsonNode node, string path) => path.Split('.').Aggregate((JsonNode?)node, (at, name) => (at as JsonObject)?[name]);
}
