using System.Text.Json;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Resources;
using DaprK8s.Common.Text;
using DaprK8s.Operator.Resources;

namespace DaprK8s.Operator.Pods;

/// <summary>A pod that asks for a sidecar, as far as the operator must know it.</summary>
internal sealed class AnnotatedPod : IApiObject
{
    /// <inheritdoc/>
    public required ObjectMeta Metadata { get; init; }

    /// <summary>Its app id.</summary>
    public required string AppId { get; init; }

    /// <summary>The Configuration that it is given; empty for none.</summary>
    public required string Configuration { get; init; }

    /// <summary>Whether labels say that it has a sidecar.</summary>
    public required bool IsDone { get; init; }

    /// <summary>Reads a pod's metadata; <see langword="null"/> when it asks for no sidecar.</summary>
    public static AnnotatedPod? Read(JsonElement json)
    {
        var metadata = json.Member("metadata");
        var annotations = metadata.Member("annotations");
        if (!Truthy.IsTruthy(annotations.Text(DaprAnnotations.Enabled)))
        {
            return null;
        }

        var name = metadata.Text("name");
        var labels = metadata.Member("labels");
        return new AnnotatedPod
        {
            // Texts that many pods share are held once.
            Metadata = new ObjectMeta
            {
                Name = name, Namespace = string.Intern(metadata.Text("namespace")), Uid = metadata.Text("uid"), ResourceVersion = metadata.Text("resourceVersion"),
            },
            AppId = annotations.Text(DaprAnnotations.AppId) is { Length: > 0 } id ? string.Intern(id) : name,
            Configuration = string.Intern(annotations.Text(DaprAnnotations.Config)),
            IsDone = HasLabel(labels, DaprLabels.SidecarInjected) || HasLabel(labels, DaprLabels.WatchdogPatched),
        };
    }

    private static bool HasLabel(JsonElement labels, string name) => labels.Member(name).ValueKind != JsonValueKind.Undefined;
}
