using DaprK8s.Sentry.Validators;

namespace DaprK8s.Sentry.Kubernetes;

/// <summary>Which app id a pod may have, by its annotations (contract: security 1.5, step 10).</summary>
/// <param name="AppId">The one id.</param>
/// <param name="IsControlPlane">It is a service of the control plane.</param>
internal readonly record struct ExpectedIdentity(string AppId, bool IsControlPlane)
{
    /// <summary>Names the Configuration of an app.</summary>
    public const string ConfigAnnotation = "dapr.io/config";

    private const string ControlPlaneAnnotation = "dapr.io/control-plane";
    private const string AppIdAnnotation = "dapr.io/app-id";
    private const string ControlPlanePrefix = "dapr-";

    /// <summary>Reads a pod.</summary>
    /// <param name="pod">The pod.</param>
    /// <param name="namespace">Where it is.</param>
    /// <param name="controlPlaneNamespace">Where the control plane is.</param>
    /// <exception cref="ValidationException">It may not have any.</exception>
    public static ExpectedIdentity Of(Pod pod, string @namespace, string controlPlaneNamespace)
    {
        var name = pod.Metadata.Name;
        var appId = pod.Metadata.Annotations?.GetValueOrDefault(AppIdAnnotation);
        if (pod.Metadata.Annotations?.GetValueOrDefault(ControlPlaneAnnotation) is not { } service)
        {
            var id = appId ?? name;
            // Without the annotation it would get the service's name and DNS names, though in another trust domain.
            return @namespace == controlPlaneNamespace && id.StartsWith(ControlPlanePrefix, StringComparison.Ordinal) && IsService(id[ControlPlanePrefix.Length..])
                ? throw new ValidationException($"app-id '{id}' is reserved for the control plane")
                : new ExpectedIdentity(id, false);
        }

        if (@namespace != controlPlaneNamespace)
        {
            throw new ValidationException($"control plane service in namespace '{@namespace}' is not allowed");
        }

        if (!IsService(service))
        {
            throw new ValidationException($"unknown control plane service '{name}'");
        }

        return appId is null
            ? new ExpectedIdentity(ControlPlanePrefix + service, true)
            : throw new ValidationException($"control plane service '{name}' cannot have annotation '{AppIdAnnotation}'");
    }

    private static bool IsService(string name) => name is "operator" or "placement" or "injector" or "sentry" or "scheduler";
}
