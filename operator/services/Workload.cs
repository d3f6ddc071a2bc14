using System.Text.Json;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Resources;
using DaprK8s.Common.Text;
using DaprK8s.Operator.Resources;

namespace DaprK8s.Operator.Services;

/// <summary>A kind of object that makes pods of a template.</summary>
/// <param name="Group">The API group.</param>
/// <param name="Version">The version.</param>
/// <param name="Kind">The kind.</param>
/// <param name="Plural">The name in paths.</param>
internal sealed record WorkloadKind(string Group, string Version, string Kind, string Plural)
{
    public static readonly WorkloadKind Deployment = new("apps", "v1", "Deployment", "deployments");
    public static readonly WorkloadKind StatefulSet = new("apps", "v1", "StatefulSet", "statefulsets");

    /// <summary>Of Argo; optional.</summary>
    public static readonly WorkloadKind Rollout = new("argoproj.io", "v1alpha1", "Rollout", "rollouts");

    public string ApiVersion => $"{Group}/{Version}";
}

/// <summary>A workload whose pods ask for a sidecar: the annotations of its template and its selector, and nothing else of it.</summary>
internal sealed class Workload : IApiObject
{
    /// <inheritdoc/>
    public required ObjectMeta Metadata { get; init; }

    public required WorkloadKind Kind { get; init; }

    /// <summary>The annotations of the pod template that begin with <c>dapr.io/</c>.</summary>
    public required IReadOnlyDictionary<string, string> Annotations { get; init; }

    /// <summary>The labels that its pods are found by.</summary>
    public required IReadOnlyDictionary<string, string> Selector { get; init; }

    /// <summary>Reads a workload; <see langword="null"/> when its pods ask for no sidecar, or it is being deleted.</summary>
    public static Workload? Read(WorkloadKind kind, JsonElement json)
    {
        var metadata = json.Member("metadata");
        var spec = json.Member("spec");
        var annotations = spec.Member("template").Member("metadata").Member("annotations");
        if (!Truthy.IsTruthy(annotations.Text(DaprAnnotations.Enabled)) || metadata.Text("deletionTimestamp").Length > 0)
        {
            return null;
        }

        return new Workload
        {
            Kind = kind,
            Metadata = new ObjectMeta
            {
                Name = metadata.Text("name"),
                Namespace = metadata.Text("namespace"),
                Uid = metadata.Text("uid"),
                ResourceVersion = metadata.Text("resourceVersion"),
            },
            Annotations = (annotations.Texts() ?? []).Where(a => a.Key.StartsWith("dapr.io/", StringComparison.Ordinal)).ToDictionary(),
            Selector = spec.Member("selector").Member("matchLabels").Texts() ?? [],
        };
    }
}
