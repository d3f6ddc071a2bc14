using DaprK8s.Common.Resources;

namespace DaprK8s.Injector.Sidecar;

/// <summary>What is true at the time of an injection.</summary>
/// <param name="Namespace">The namespace of the request; the pod itself need not name it.</param>
/// <param name="TrustAnchors">The trust anchors in force, PEM.</param>
/// <param name="IsMtlsEnabled">What Configuration <c>daprsystem</c> says.</param>
/// <param name="Components">The Components of the namespace, when the pod asks for containers of them.</param>
internal sealed record SidecarCircumstances(string Namespace, string TrustAnchors, bool IsMtlsEnabled, IReadOnlyList<Component> Components);
