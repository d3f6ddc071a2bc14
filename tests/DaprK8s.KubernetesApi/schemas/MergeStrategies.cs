namespace DaprK8s.KubernetesApi.Schemas;

/// <summary>
/// How the lists and objects of built-in kinds merge, in strategic merge patches and in server-side apply: facts of the Kubernetes
/// API that the client library's models leave out. A list that is not here is replaced as a whole.
/// </summary>
internal static class MergeStrategies
{
    /// <summary>Objects that have one owner as a whole.</summary>
    public static readonly HashSet<string> AtomicObjects =
    [
        "LabelSelector", "ObjectReference", "LocalObjectReference", "SecretKeySelector", "ConfigMapKeySelector", "ObjectFieldSelector",
        "ResourceFieldSelector", "NodeSelector", "NodeSelectorTerm", "TypedLocalObjectReference", "SecretReference", "RoleRef", "Subject", "OwnerReference",
        "FileKeySelector",
    ];

    private static readonly Dictionary<string, (string? PatchKey, string[] MapKeys)> Lists = new()
    {
        ["PodSpec.containers"] = ("name", ["name"]),
        ["PodSpec.initContainers"] = ("name", ["name"]),
        ["PodSpec.ephemeralContainers"] = ("name", ["name"]),
        ["PodSpec.volumes"] = ("name", ["name"]),
        ["PodSpec.imagePullSecrets"] = ("name", ["name"]),
        ["PodSpec.hostAliases"] = ("ip", ["ip"]),
        ["PodSpec.topologySpreadConstraints"] = ("topologyKey", ["topologyKey", "whenUnsatisfiable"]),
        ["PodSpec.schedulingGates"] = ("name", ["name"]),
        ["PodSpec.resourceClaims"] = ("name", ["name"]),
        ["Container.env"] = ("name", ["name"]),
        ["Container.ports"] = ("containerPort", ["containerPort", "protocol"]),
        ["Container.volumeMounts"] = ("mountPath", ["mountPath"]),
        ["Container.volumeDevices"] = ("devicePath", ["devicePath"]),
        ["ResourceRequirements.claims"] = (null, ["name"]),
        ["PodStatus.conditions"] = ("type", ["type"]),
        ["PodStatus.podIPs"] = ("ip", ["ip"]),
        ["PodStatus.hostIPs"] = ("ip", []),
        ["ServiceSpec.ports"] = ("port", ["port", "protocol"]),
        ["ServiceStatus.conditions"] = ("type", ["type"]),
        ["ServiceAccount.secrets"] = ("name", ["name"]),
        ["ObjectMeta.ownerReferences"] = ("uid", ["uid"]),
        ["DeploymentStatus.conditions"] = ("type", ["type"]),
        ["ReplicaSetStatus.conditions"] = ("type", ["type"]),
        ["ReplicationControllerStatus.conditions"] = ("type", ["type"]),
        ["StatefulSetStatus.conditions"] = ("type", ["type"]),
        ["DaemonSetStatus.conditions"] = ("type", ["type"]),
        ["JobStatus.conditions"] = ("type", []),
        ["NamespaceStatus.conditions"] = ("type", ["type"]),
        ["NodeStatus.conditions"] = ("type", ["type"]),
        ["NodeStatus.addresses"] = ("type", ["type"]),
        ["PersistentVolumeClaimStatus.conditions"] = ("type", ["type"]),
        ["PodDisruptionBudgetStatus.conditions"] = ("type", ["type"]),
        ["CustomResourceDefinitionStatus.conditions"] = (null, ["type"]),
        ["MutatingWebhookConfiguration.webhooks"] = ("name", ["name"]),
        ["ValidatingWebhookConfiguration.webhooks"] = ("name", ["name"]),
        ["MutatingWebhook.matchConditions"] = ("name", ["name"]),
        ["ValidatingWebhook.matchConditions"] = ("name", ["name"]),
    };

    private static readonly HashSet<string> Sets = ["ObjectMeta.finalizers", "NodeSpec.podCIDRs"];
    private static readonly HashSet<string> AtomicMaps = ["ServiceSpec.selector", "PodSpec.nodeSelector", "ReplicationControllerSpec.selector"];
    private static readonly HashSet<string> RetainingKeys = ["DeploymentSpec.strategy", "PodSpec.volumes"];

    /// <summary>A member of a model, with how it merges.</summary>
    public static Schema Apply(string model, string property, Schema member)
    {
        var place = model == "EphemeralContainer" ? $"Container.{property}" : $"{model}.{property}";
        if (member.Type == "array" && Lists.TryGetValue(place, out var list))
        {
            member.PatchMergeKey = list.PatchKey;
            member.MapKeys = list.MapKeys;
        }

        member.IsSet |= member.Type == "array" && Sets.Contains(place);
        if (AtomicMaps.Contains(place))
        {
            member.IsAtomic = true;
        }

        if (RetainingKeys.Contains(place))
        {
            member.RetainsKeys = true;
        }

        return member;
    }
}
