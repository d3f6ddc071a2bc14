using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.CustomResources;
using DaprK8s.KubernetesApi.Kinds;

namespace DaprK8s.KubernetesApi.BuiltIn;

/// <summary>What the API server fills in when an object of a built-in kind leaves it out.</summary>
internal static class Defaults
{
    public static void Apply(ResourceType type, JsonObject body)
    {
        switch (type.Kind)
        {
            case "Namespace":
                Labels(body)["kubernetes.io/metadata.name"] = (string?)body["metadata"]!["name"];
                Object(body, "spec")["finalizers"] ??= new JsonArray("kubernetes");
                Object(body, "status")["phase"] ??= "Active";
                break;
            case "Pod":
                PodDefaults.Spec(body["spec"] as JsonObject);
                Object(body, "status")["phase"] ??= "Pending";
                Object(body, "status")["qosClass"] ??= "BestEffort";
                break;
            case "Deployment":
                Deployment(body);
                break;
            case "ReplicaSet" or "ReplicationController":
                Object(body, "spec")["replicas"] ??= 1;
                PodDefaults.Template(body["spec"]);
                break;
            case "StatefulSet":
                StatefulSet(body);
                break;
            case "DaemonSet":
                Object(body, "spec")["revisionHistoryLimit"] ??= 10;
                Object(body, "spec")["updateStrategy"] ??= Rolling("maxUnavailable", 1, "maxSurge", 0);
                PodDefaults.Template(body["spec"]);
                break;
            case "Job":
                Job(body);
                break;
            case "CronJob":
                var cron = Object(body, "spec");
                cron["concurrencyPolicy"] ??= "Allow";
                cron["suspend"] ??= false;
                cron["successfulJobsHistoryLimit"] ??= 3;
                cron["failedJobsHistoryLimit"] ??= 1;
                PodDefaults.Template(cron["jobTemplate"]?["spec"]);
                break;
            case "Service":
                Service(body);
                break;
            case "Secret":
                Secret(body);
                break;
            case "PersistentVolumeClaim":
                Object(body, "spec")["volumeMode"] ??= "Filesystem";
                Object(body, "status")["phase"] ??= "Pending";
                break;
            case "MutatingWebhookConfiguration" or "ValidatingWebhookConfiguration":
                Webhooks(body, type.Kind.StartsWith("Mut", StringComparison.Ordinal));
                break;
            case "RoleBinding" or "ClusterRoleBinding":
                Subjects(body);
                break;
            case "ClusterRole" or "Role" when !body.ContainsKey("rules") && !body.ContainsKey("aggregationRule"):
                body["rules"] = new JsonArray();
                break;
            case "CustomResourceDefinition":
                Definition.Complete(body);
                break;
        }
    }

    private static void Deployment(JsonObject body)
    {
        var spec = Object(body, "spec");
        spec["replicas"] ??= 1;
        spec["revisionHistoryLimit"] ??= 10;
        spec["progressDeadlineSeconds"] ??= 600;
        var strategy = Object(spec, "strategy");
        strategy["type"] ??= "RollingUpdate";
        if ((string?)strategy["type"] == "RollingUpdate")
        {
            var rolling = Object(strategy, "rollingUpdate");
            rolling["maxUnavailable"] ??= "25%";
            rolling["maxSurge"] ??= "25%";
        }

        PodDefaults.Template(spec);
    }

    private static void StatefulSet(JsonObject body)
    {
        var spec = Object(body, "spec");
        spec["replicas"] ??= 1;
        spec["podManagementPolicy"] ??= "OrderedReady";
        spec["revisionHistoryLimit"] ??= 10;
        spec["updateStrategy"] ??= Rolling("partition", 0);
        spec["persistentVolumeClaimRetentionPolicy"] ??= new JsonObject { ["whenDeleted"] = "Retain", ["whenScaled"] = "Retain" };
        foreach (var claim in spec["volumeClaimTemplates"] as JsonArray ?? [])
        {
            claim!["apiVersion"] ??= "v1";
            claim["kind"] ??= "PersistentVolumeClaim";
            Object(claim.AsObject(), "spec")["volumeMode"] ??= "Filesystem";
            Object(claim.AsObject(), "status")["phase"] ??= "Pending";
        }

        PodDefaults.Template(spec);
    }

    private static void Job(JsonObject body)
    {
        var spec = Object(body, "spec");
        spec["backoffLimit"] ??= 6;
        spec["completionMode"] ??= "NonIndexed";
        spec["suspend"] ??= false;
        spec["parallelism"] ??= 1;
        spec["completions"] ??= 1;
        spec["podReplacementPolicy"] ??= "TerminatingOrFailed";
        spec["manualSelector"] ??= false;
        PodDefaults.Template(spec);
    }

    /// <summary>A job selects its pods by its own uid, which it has once it is named.</summary>
    public static void Name(ResourceType type, JsonObject body)
    {
        if (type.Kind != "Job" || (bool?)body["spec"]?["manualSelector"] == true || body["spec"]?["template"] is not JsonObject template)
        {
            return;
        }

        var uid = (string)body["metadata"]!["uid"]!;
        var labels = Labels(template);
        labels["batch.kubernetes.io/controller-uid"] = uid;
        labels["batch.kubernetes.io/job-name"] = (string?)body["metadata"]!["name"];
        labels["controller-uid"] = uid;
        labels["job-name"] = (string?)body["metadata"]!["name"];
        body["spec"]!["selector"] ??= new JsonObject { ["matchLabels"] = new JsonObject { ["batch.kubernetes.io/controller-uid"] = uid } };
    }

    private static void Service(JsonObject body)
    {
        var spec = Object(body, "spec");
        spec["type"] ??= "ClusterIP";
        spec["sessionAffinity"] ??= "None";
        Object(body, "status")["loadBalancer"] ??= new JsonObject();
        foreach (var port in spec["ports"] as JsonArray ?? [])
        {
            port!["protocol"] ??= "TCP";
            port["targetPort"] ??= port["port"]?.DeepClone();
        }

        if ((string?)spec["type"] != "ExternalName")
        {
            spec["internalTrafficPolicy"] ??= "Cluster";
            spec["ipFamilies"] ??= new JsonArray("IPv4");
            spec["ipFamilyPolicy"] ??= "SingleStack";
        }
    }

    private static void Secret(JsonObject body)
    {
        body["type"] ??= "Opaque";
        if (body["stringData"] is JsonObject texts)
        {
            var data = Object(body, "data");
            foreach (var (name, text) in texts)
            {
                data[name] = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes((string?)text ?? ""));
            }

            body.Remove("stringData");
        }
    }

    private static void Webhooks(JsonObject body, bool mutating)
    {
        foreach (var hook in body["webhooks"] as JsonArray ?? [])
        {
            var webhook = hook!.AsObject();
            webhook["failurePolicy"] ??= "Fail";
            webhook["matchPolicy"] ??= "Equivalent";
            webhook["timeoutSeconds"] ??= 10;
            webhook["namespaceSelector"] ??= new JsonObject();
            webhook["objectSelector"] ??= new JsonObject();
            if (mutating)
            {
                webhook["reinvocationPolicy"] ??= "Never";
            }

            if (webhook["clientConfig"]?["service"] is JsonObject service)
            {
                service["port"] ??= 443;
            }

            foreach (var rule in webhook["rules"] as JsonArray ?? [])
            {
                rule!["scope"] ??= "*";
            }
        }
    }

    private static void Subjects(JsonObject body)
    {
        if (body["roleRef"] is JsonObject role)
        {
            role["apiGroup"] ??= "rbac.authorization.k8s.io";
        }

        foreach (var subject in body["subjects"] as JsonArray ?? [])
        {
            if ((string?)subject!["kind"] is "User" or "Group")
            {
                subject["apiGroup"] ??= "rbac.authorization.k8s.io";
            }
        }
    }

    private static JsonObject Rolling(string name, int value, string? other = null, int otherValue = 0)
    {
        var rolling = new JsonObject { [name] = value };
        if (other is not null)
        {
            rolling[other] = otherValue;
        }

        return new JsonObject { ["type"] = "RollingUpdate", ["rollingUpdate"] = rolling };
    }

    private static JsonObject Labels(JsonObject body) => Object(Object(body, "metadata"), "labels");

    internal static JsonObject Object(JsonObject parent, string name)
    {
        if (parent[name] is not JsonObject child)
        {
            parent[name] = child = [];
        }

        return child;
    }
}
