using DaprK8s.KubernetesApi.Schemas;

namespace DaprK8s.KubernetesApi.Kinds;

/// <summary>The kinds that every cluster serves, as far as they are served here.</summary>
internal static class BuiltInKinds
{
    private static readonly ScalePaths Replicas = new(".spec.replicas", ".status.replicas", ".spec.selector");

    public static IEnumerable<ResourceType> All()
    {
        yield return Core("namespaces", "Namespace", "ns", status: true, namespaced: false) with { Subresources = ["finalize"] };
        yield return Core("pods", "Pod", "po", status: true, all: true) with { Subresources = ["log", "eviction", "binding", "proxy"] };
        yield return Core("services", "Service", "svc", status: true, all: true) with { Subresources = ["proxy"] };
        yield return Core("endpoints", "Endpoints", "ep") with { Singular = "endpoints" };
        yield return Core("configmaps", "ConfigMap", "cm");
        yield return Core("secrets", "Secret");
        yield return Core("serviceaccounts", "ServiceAccount", "sa") with { Subresources = ["token"] };
        yield return Core("events", "Event", "ev");
        yield return Core("persistentvolumeclaims", "PersistentVolumeClaim", "pvc", status: true);
        yield return Core("persistentvolumes", "PersistentVolume", "pv", status: true, namespaced: false);
        yield return Core("resourcequotas", "ResourceQuota", "quota", status: true);
        yield return Core("limitranges", "LimitRange", "limits");
        yield return Core("replicationcontrollers", "ReplicationController", "rc", status: true, all: true) with { Scale = Replicas };
        yield return Core("nodes", "Node", "no", status: true, namespaced: false);

        yield return In("apps", "deployments", "Deployment", "deploy", status: true, all: true) with { Scale = Replicas };
        yield return In("apps", "replicasets", "ReplicaSet", "rs", status: true, all: true) with { Scale = Replicas };
        yield return In("apps", "statefulsets", "StatefulSet", "sts", status: true, all: true) with { Scale = Replicas };
        yield return In("apps", "daemonsets", "DaemonSet", "ds", status: true, all: true);
        yield return In("apps", "controllerrevisions", "ControllerRevision");
        yield return In("batch", "jobs", "Job", status: true, all: true);
        yield return In("batch", "cronjobs", "CronJob", "cj", status: true, all: true);
        yield return In("autoscaling", "horizontalpodautoscalers", "HorizontalPodAutoscaler", "hpa", status: true, all: true, version: "v2");
        yield return In("policy", "poddisruptionbudgets", "PodDisruptionBudget", "pdb", status: true);
        yield return In("networking.k8s.io", "networkpolicies", "NetworkPolicy", "netpol");
        yield return In("networking.k8s.io", "ingresses", "Ingress", "ing", status: true);
        yield return In("rbac.authorization.k8s.io", "roles", "Role");
        yield return In("rbac.authorization.k8s.io", "rolebindings", "RoleBinding");
        yield return In("rbac.authorization.k8s.io", "clusterroles", "ClusterRole", namespaced: false);
        yield return In("rbac.authorization.k8s.io", "clusterrolebindings", "ClusterRoleBinding", namespaced: false);
        yield return In("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", namespaced: false)
            with
        { Categories = ["api-extensions"] };
        yield return In("admissionregistration.k8s.io", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", namespaced: false)
            with
        { Categories = ["api-extensions"] };
        yield return In("apiextensions.k8s.io", "customresourcedefinitions", "CustomResourceDefinition", "crd", status: true, namespaced: false)
            with
        { ShortNames = ["crd", "crds"], Categories = ["api-extensions"] };
        yield return In("coordination.k8s.io", "leases", "Lease");
        yield return In("discovery.k8s.io", "endpointslices", "EndpointSlice");
        yield return In("events.k8s.io", "events", "Event", "ev") with { SharesStorageOf = "events", IsStored = false, Schema = ModelSchemas.Of("Eventsv1Event") };
        yield return In("scheduling.k8s.io", "priorityclasses", "PriorityClass", "pc", namespaced: false);
        yield return In("node.k8s.io", "runtimeclasses", "RuntimeClass", namespaced: false);
        yield return In("storage.k8s.io", "storageclasses", "StorageClass", "sc", namespaced: false);
    }

    private static ResourceType Core(string plural, string kind, string? shortName = null, bool status = false, bool all = false, bool namespaced = true)
        => In("", plural, kind, shortName, status, all, namespaced);

    private static ResourceType In(
        string group, string plural, string kind, string? shortName = null, bool status = false, bool all = false, bool namespaced = true, string version = "v1")
        => new(group, version, plural, kind, namespaced, status)
        {
            ShortNames = shortName is null ? [] : [shortName],
            Categories = all ? ["all"] : [],
            Schema = ModelSchemas.Of(kind == "Event" ? "Corev1Event" : version.ToUpperInvariant() + kind),
        };
}
