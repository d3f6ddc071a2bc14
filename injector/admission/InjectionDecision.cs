using DaprK8s.Common.Kubernetes;
using DaprK8s.Injector.Pods;
using DaprK8s.Injector.Sidecar;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Injector.Admission;

/// <summary>Decides what becomes of a pod, in the order of the contract (k8s 3.3).</summary>
/// <param name="callers">Who may have sidecars injected.</param>
/// <param name="defaults">What holds for all pods.</param>
/// <param name="cluster">The cluster.</param>
/// <param name="events">Told what is decided.</param>
/// <param name="logger">Told what people must know.</param>
internal sealed class InjectionDecision(CallerRules callers, SidecarDefaults defaults, IClusterFacts cluster, IInjectionEvents events, ILogger logger)
{
    private const string PodPatchReason = "pod_patch";
    private const string PatchReason = "patch";

    /// <summary>Decides on a request.</summary>
    public async ValueTask<AdmissionAnswer> DecideAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (request.Kind != "Pod")
        {
            logger.LogError("the webhook was called for kind '{Kind}', it is for Pods alone; look at its rules", request.Kind);
            events.Failed("", PodPatchReason);
            return AdmissionAnswer.Unchanged;
        }

        var problem = "";
        var annotations = TryRead(() => new AnnotationValues(request.Object), ref problem);
        if (annotations is { AreEnabling: false })
        {
            return AdmissionAnswer.Unchanged;
        }

        var pod = TryRead(() => Pod.Read(request.Object), ref problem);
        var settings = annotations is null || pod is null ? null : TryRead(() => new SidecarSettings(annotations, pod.Name, defaults), ref problem);
        var appId = settings?.AppId ?? "";
        if (!callers.Allows(request.User))
        {
            logger.LogError(
                "service account '{Username}' not on the list of allowed controller accounts; a pod for app '{AppId}' in namespace {Namespace} is created without sidecar (ALLOWED_SERVICE_ACCOUNTS, in the chart dapr_sidecar_injector.allowedServiceAccounts)",
                request.User.Username, appId, request.Namespace);
            events.Failed(appId, PodPatchReason);
            return AdmissionAnswer.Unchanged;
        }

        if (annotations is null || pod is null || settings is null)
        {
            return Refuse(appId, request.Namespace, $"could not unmarshal raw object: {problem}");
        }

        if (pod.Containers.Concat(pod.InitContainers).Any(c => c.Name == InjectedSidecar.ContainerName))
        {
            return AdmissionAnswer.Unchanged;
        }

        return KubernetesAppId.Refusal(appId) is { } refusal
            ? Refuse(appId, request.Namespace, refusal)
            : await PatchAsync(request, annotations, pod, settings, cancellationToken);
    }

    private async ValueTask<AdmissionAnswer> PatchAsync(
        AdmissionRequest request, AnnotationValues annotations, Pod pod, SidecarSettings settings, CancellationToken cancellationToken)
    {
        IReadOnlyList<Common.Resources.Component> components = [];
        if (settings.InjectsPluggableComponents)
        {
            try
            {
                components = await cluster.ListComponentsAsync(request.Namespace, cancellationToken);
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
            {
                return Refuse(settings.AppId, request.Namespace, $"error when fetching components: {e.Message}");
            }
        }

        var circumstances = new SidecarCircumstances(request.Namespace, cluster.TrustAnchors, await cluster.IsMtlsEnabledAsync(cancellationToken), components);
        var patch = PodPatch.Create(pod, settings, defaults, circumstances, annotations.Warn);
        foreach (var warning in annotations.Warnings)
        {
            logger.LogWarning("pod for app '{AppId}' in namespace {Namespace}: {Warning}", settings.AppId, request.Namespace, warning);
        }

        logger.LogInformation("Sidecar injector succeeded injection for app '{AppId}' in namespace {Namespace}", settings.AppId, request.Namespace);
        events.Succeeded(settings.AppId);
        return AdmissionAnswer.Patched(patch);
    }

    private AdmissionAnswer Refuse(string appId, string @namespace, string why)
    {
        logger.LogError("Sidecar injector failed to inject for app '{AppId}' in namespace {Namespace}, the pod is refused. Error: {Error}", appId, @namespace, why);
        events.Failed(appId, PatchReason);
        return AdmissionAnswer.Refused(why);
    }

    private static T? TryRead<T>(Func<T> read, ref string problem)
        where T : class
    {
        try
        {
            return read();
        }
        catch (MalformedPodException e)
        {
            problem = e.Message;
            return null;
        }
    }
}
