using System.Globalization;
using System.Text.Json;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Injector.Pods;

namespace DaprK8s.Injector.Sidecar;

/// <summary>The patch that puts a sidecar into a pod (contract: k8s 3.5).</summary>
internal sealed class PodPatch
{
    private const string ContainersPath = "/spec/containers";
    private const string InitContainersPath = "/spec/initContainers";
    private const string VolumesPath = "/spec/volumes";
    private const string LabelsPath = "/metadata/labels";

    private readonly Pod pod;
    private readonly SidecarSettings settings;
    private readonly SidecarDefaults defaults;
    private readonly SidecarCircumstances circumstances;
    private readonly Action<string> warn;
    private readonly HashSet<string> volumeNames;
    private readonly IReadOnlyList<PluggableContainer> brought;
    private readonly bool hasComponentSockets;

    private PodPatch(Pod pod, SidecarSettings settings, SidecarDefaults defaults, SidecarCircumstances circumstances, Action<string> warn)
    {
        this.pod = pod;
        this.settings = settings;
        this.defaults = defaults;
        this.circumstances = circumstances;
        this.warn = warn;
        volumeNames = [.. pod.Volumes];
        brought = settings.InjectsPluggableComponents ? PluggableContainer.Of(circumstances.Components, settings.AppId, warn) : [];
        hasComponentSockets = brought.Count > 0 || pod.Containers.Any(IsPluggable);
    }

    /// <summary>Writes the patch.</summary>
    /// <param name="pod">The pod.</param>
    /// <param name="settings">What its annotations say.</param>
    /// <param name="defaults">What holds for all pods.</param>
    /// <param name="circumstances">What holds now.</param>
    /// <param name="warn">Told what could not be used.</param>
    /// <returns>A JSON patch.</returns>
    public static ReadOnlyMemory<byte> Create(Pod pod, SidecarSettings settings, SidecarDefaults defaults, SidecarCircumstances circumstances, Action<string> warn)
    {
        using var patch = new JsonPatchWriter();
        new PodPatch(pod, settings, defaults, circumstances, warn).Write(patch);
        return patch.Finish();
    }

    private PodMount ComponentSockets => new(PodVolume.ComponentSockets, settings.ComponentSocketsFolder);

    private void Write(JsonPatchWriter patch)
    {
        if (pod.Containers.Count == 0)
        {
            patch.AddEmptyList(ContainersPath);
        }

        if (!pod.HasLabels)
        {
            patch.Add(LabelsPath, static json =>
            {
                json.WriteStartObject();
                json.WriteEndObject();
            });
        }

        patch.AddItems(VolumesPath, pod.Volumes.Count > 0, NewVolumes(), static (json, volume) => volume.Write(json));
        if (settings.IsNative && pod.InitContainers.Count == 0)
        {
            patch.AddEmptyList(InitContainersPath);
        }

        patch.Add((settings.IsNative ? InitContainersPath : ContainersPath) + "/-", CreateSidecar().Write);
        patch.Add(LabelPath(DaprLabels.SidecarInjected), "true");
        patch.Add(LabelPath(DaprLabels.AppId), settings.AppId);
        patch.Add(LabelPath(DaprLabels.MetricsEnabled), settings.HasMetrics ? "true" : "false");
        WriteAppContainers(patch);
        WriteComponents(patch);
    }

    private SidecarContainer CreateSidecar() => new(settings, defaults, circumstances)
    {
        Mounts = SidecarMounts(),
        HasComponentSockets = hasComponentSockets,
        IgnoresEntrypoint = pod.Tolerations.Any(defaults.IgnoreEntrypointTolerations.Contains),
    };

    private List<PodVolume> NewVolumes()
    {
        var volumes = new List<PodVolume>();
        if (settings.SocketPath.Length > 0)
        {
            volumes.Add(PodVolume.EmptyDirectory(PodVolume.Sockets, isInMemory: true));
        }

        if (defaults.HasTokenVolume)
        {
            volumes.Add(PodVolume.IdentityToken($"spiffe://{defaults.ControlPlaneTrustDomain}/ns/{defaults.ControlPlaneNamespace}/dapr-sentry"));
        }

        if (hasComponentSockets)
        {
            volumes.Add(PodVolume.EmptyDirectory(PodVolume.ComponentSockets));
        }

        volumes.RemoveAll(v => !volumeNames.Add(v.Name));
        return volumes;
    }

    private List<PodMount> SidecarMounts()
    {
        var mounts = new List<PodMount>();
        foreach (var mount in settings.Mounts)
        {
            if (pod.Volumes.Contains(mount.Volume))
            {
                mounts.Add(mount);
            }
            else
            {
                warn($"annotation {(mount.IsReadOnly ? DaprAnnotations.VolumeMounts : DaprAnnotations.VolumeMountsReadWrite)} names volume '{mount.Volume}', which the pod does not have; it is not mounted");
            }
        }

        if (settings.SocketPath.Length > 0)
        {
            mounts.Add(new PodMount(PodVolume.Sockets, SidecarArguments.SocketFolder));
        }

        if (defaults.HasTokenVolume)
        {
            mounts.Add(new PodMount(PodVolume.Token, PodVolume.TokenFolder, IsReadOnly: true));
        }

        if (hasComponentSockets)
        {
            mounts.Add(ComponentSockets);
        }

        return mounts;
    }

    private void WriteAppContainers(JsonPatchWriter patch)
    {
        List<KeyValuePair<string, string>> env =
        [
            new("DAPR_HTTP_PORT", InjectedSidecar.HttpPort.ToString(CultureInfo.InvariantCulture)),
            new("DAPR_GRPC_PORT", settings.GrpcPort.ToString(CultureInfo.InvariantCulture)),
        ];
        if (settings.EffectiveAppProtocol is { } protocol)
        {
            env.Add(new("APP_PROTOCOL", protocol));
        }

        for (var i = 0; i < pod.Containers.Count; i++)
        {
            if (!IsPluggable(pod.Containers[i]))
            {
                AddEnv(patch, i, env);
            }
        }

        for (var i = 0; i < pod.Containers.Count && settings.SocketPath.Length > 0; i++)
        {
            if (!IsPluggable(pod.Containers[i]))
            {
                AddMount(patch, i, new PodMount(PodVolume.Sockets, settings.SocketPath));
            }
        }
    }

    private void WriteComponents(JsonPatchWriter patch)
    {
        for (var i = 0; i < pod.Containers.Count; i++)
        {
            if (IsPluggable(pod.Containers[i]))
            {
                AddEnv(patch, i, [new(SidecarEnvironment.ComponentSockets, settings.ComponentSocketsFolder)]);
                AddMount(patch, i, ComponentSockets);
            }
        }

        foreach (var container in brought)
        {
            foreach (var mount in container.Shape.Mounts.Where(m => volumeNames.Add(m.Volume)))
            {
                patch.Add(VolumesPath + "/-", PodVolume.EmptyDirectory(mount.Volume).Write);
            }

            patch.Add(ContainersPath + "/-", json => container.Write(json, ComponentSockets));
        }
    }

    private void AddEnv(JsonPatchWriter patch, int index, IEnumerable<KeyValuePair<string, string>> env)
    {
        var container = pod.Containers[index];
        patch.AddItems(
            JsonPatchWriter.ContainerPath(index, "env"), container.Env.Count > 0,
            [.. env.Where(e => !container.Env.Contains(e.Key))],
            static (json, variable) => SidecarEnvironment.WriteValue(json, variable.Key, variable.Value));
    }

    private void AddMount(JsonPatchWriter patch, int index, PodMount mount)
    {
        var container = pod.Containers[index];
        if (!container.IsMounted(mount.Volume, mount.Path))
        {
            patch.AddItems(JsonPatchWriter.ContainerPath(index, "volumeMounts"), container.Mounts.Count > 0, [mount], SidecarContainer.WriteMount);
        }
    }

    private bool IsPluggable(PodContainer container) => settings.PluggableComponents.Contains(container.Name);

    private static string LabelPath(string label) => $"{LabelsPath}/{label.Replace("/", "~1", StringComparison.Ordinal)}";
}
