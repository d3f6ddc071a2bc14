using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Kinds;
using DaprK8s.KubernetesApi.Requests;
using DaprK8s.KubernetesApi.Storage;

namespace DaprK8s.KubernetesApi.BuiltIn;

/// <summary>The ServiceAccount admission of pods: each has an account, and each container its token.</summary>
internal sealed class ServiceAccounts(ObjectStore store, ResourceTypes types)
{
    private const string Path = "/var/run/secrets/kubernetes.io/serviceaccount";
    private const string Prefix = "kube-api-access-";

    /// <summary>Pods must name an account that is there; when not set, as by default, an account that is missing does no harm.</summary>
    public bool AccountsMustExist { get; set; }

    public void Admit(ResourceType type, JsonObject pod, string @namespace)
    {
        if (type.QualifiedName != "pods" || pod["spec"] is not JsonObject spec)
        {
            return;
        }

        spec["serviceAccountName"] ??= "default";
        spec["serviceAccount"] ??= spec["serviceAccountName"]!.DeepClone();
        var name = (string)spec["serviceAccountName"]!;
        var account = store.Find(types.Named("serviceaccounts"), @namespace, name);
        if (account is null)
        {
            if (AccountsMustExist)
            {
                throw new ApiException(
                    403,
                    "Forbidden",
                    $"pods \"{(string?)pod["metadata"]?["name"] ?? (string?)pod["metadata"]?["generateName"]}\" is forbidden: error looking up service account {@namespace}/{name}: serviceaccount \"{name}\" not found");
            }

            return;
        }

        if (((bool?)spec["automountServiceAccountToken"] ?? !account.Text("automountServiceAccountToken")?.Equals("false", StringComparison.Ordinal)) == false)
        {
            return;
        }

        Mount(spec);
    }

    private static void Mount(JsonObject spec)
    {
        var volumes = spec["volumes"] as JsonArray ?? [];
        var volume = volumes.Select(v => (string?)v?["name"]).FirstOrDefault(n => n?.StartsWith(Prefix, StringComparison.Ordinal) == true);
        var volumeName = volume ?? Prefix + Names.Suffix();
        var used = false;
        foreach (var list in (string[])["initContainers", "containers"])
        {
            foreach (var container in spec[list] as JsonArray ?? [])
            {
                var mounts = container!["volumeMounts"] as JsonArray;
                if (mounts is null)
                {
                    container["volumeMounts"] = mounts = [];
                }

                if (!mounts.Any(m => (string?)m?["mountPath"] == Path))
                {
                    mounts.Add(new JsonObject { ["name"] = volumeName, ["readOnly"] = true, ["mountPath"] = Path });
                    used = true;
                }
            }
        }

        if (!used || volume is not null)
        {
            return;
        }

        if (volumes.Parent is null)
        {
            spec["volumes"] = volumes;
        }

        volumes.Add(new JsonObject
        {
            ["name"] = volumeName,
            ["projected"] = new JsonObject
            {
                ["defaultMode"] = 420,
                ["sources"] = new JsonArray(
                    new JsonObject { ["serviceAccountToken"] = new JsonObject { ["expirationSeconds"] = 3607, ["path"] = "token" } },
                    new JsonObject
                    {
                        ["configMap"] = new JsonObject
                        {
                            ["name"] = "kube-root-ca.crt",
                            ["items"] = new JsonArray(new JsonObject { ["key"] = "ca.crt", ["path"] = "ca.crt" }),
                        },
                    },
                    new JsonObject
                    {
                        ["downwardAPI"] = new JsonObject
                        {
                            ["items"] = new JsonArray(new JsonObject
                            {
                                ["path"] = "namespace",
                                ["fieldRef"] = new JsonObject { ["apiVersion"] = "v1", ["fieldPath"] = "metadata.namespace" },
                            }),
                        },
                    }),
            },
        });
    }
}
