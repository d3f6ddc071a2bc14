using System.Text.Json.Nodes;

namespace DaprK8s.KubernetesApi.BuiltIn;

/// <summary>What the API server fills in for pods and pod templates.</summary>
internal static class PodDefaults
{
    public static void Template(JsonNode? owner) => Spec(owner?["template"]?["spec"] as JsonObject);

    public static void Spec(JsonObject? spec)
    {
        if (spec is null)
        {
            return;
        }

        spec["restartPolicy"] ??= "Always";
        spec["dnsPolicy"] ??= "ClusterFirst";
        spec["terminationGracePeriodSeconds"] ??= 30;
        spec["schedulerName"] ??= "default-scheduler";
        spec["securityContext"] ??= new JsonObject();
        if ((spec["serviceAccountName"] ?? spec["serviceAccount"]) is { } account)
        {
            spec["serviceAccountName"] ??= account.DeepClone();
            spec["serviceAccount"] ??= account.DeepClone();
        }

        foreach (var list in (string[])["containers", "initContainers"])
        {
            foreach (var container in spec[list] as JsonArray ?? [])
            {
                if (container is JsonObject described)
                {
                    Container(described);
                }
            }
        }

        foreach (var volume in spec["volumes"] as JsonArray ?? [])
        {
            if (volume is JsonObject described)
            {
                Volume(described);
            }
        }
    }

    private static void Container(JsonObject container)
    {
        var image = (string?)container["image"] ?? "";
        var name = image[(image.LastIndexOf('/') + 1)..];
        container["imagePullPolicy"] ??= name.EndsWith(":latest", StringComparison.Ordinal) || !name.Contains(':') ? "Always" : "IfNotPresent";
        container["terminationMessagePath"] ??= "/dev/termination-log";
        container["terminationMessagePolicy"] ??= "File";
        container["resources"] ??= new JsonObject();
        foreach (var port in container["ports"] as JsonArray ?? [])
        {
            port!["protocol"] ??= "TCP";
        }

        foreach (var variable in container["env"] as JsonArray ?? [])
        {
            if (variable?["valueFrom"]?["fieldRef"] is JsonObject field)
            {
                field["apiVersion"] ??= "v1";
            }
        }

        foreach (var probe in (string[])["livenessProbe", "readinessProbe", "startupProbe"])
        {
            if (container[probe] is JsonObject described)
            {
                described["timeoutSeconds"] ??= 1;
                described["periodSeconds"] ??= 10;
                described["successThreshold"] ??= 1;
                described["failureThreshold"] ??= 3;
                if (described["httpGet"] is JsonObject get)
                {
                    get["path"] ??= "/";
                    get["scheme"] ??= "HTTP";
                }
            }
        }
    }

    private static void Volume(JsonObject volume)
    {
        foreach (var source in (string[])["secret", "configMap", "projected", "downwardAPI"])
        {
            if (volume[source] is JsonObject described)
            {
                described["defaultMode"] ??= 420;
            }
        }

        foreach (var source in volume["projected"]?["sources"] as JsonArray ?? [])
        {
            if (source?["serviceAccountToken"] is JsonObject token)
            {
                token["expirationSeconds"] ??= 3600;
            }
        }
    }
}
