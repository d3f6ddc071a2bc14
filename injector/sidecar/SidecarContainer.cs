using System.Text.Json;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Injector.Pods;

namespace DaprK8s.Injector.Sidecar;

/// <summary>The container <c>daprd</c> (contract: k8s 3.6).</summary>
/// <param name="settings">The pod's settings.</param>
/// <param name="defaults">What holds for all pods.</param>
/// <param name="circumstances">What holds now.</param>
internal sealed class SidecarContainer(SidecarSettings settings, SidecarDefaults defaults, SidecarCircumstances circumstances)
{
    /// <summary>The volumes mounted into it.</summary>
    public required IReadOnlyList<PodMount> Mounts { get; init; }

    /// <summary>Whether pluggable components share a folder with it.</summary>
    public required bool HasComponentSockets { get; init; }

    /// <summary>Whether the image's entrypoint is to be passed over.</summary>
    public required bool IgnoresEntrypoint { get; init; }

    /// <summary>Writes it.</summary>
    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("name", InjectedSidecar.ContainerName);
        json.WriteString("image", settings.Image);
        json.WriteString("imagePullPolicy", defaults.ImagePullPolicy);
        WriteCommand(json);
        WritePorts(json);
        SidecarEnvironment.Write(json, settings, defaults, circumstances, HasComponentSockets);
        WriteResources(json);
        WriteMounts(json, Mounts);
        WriteProbes(json);
        WriteSecurity(json);
        if (settings.IsNative)
        {
            json.WriteString("restartPolicy", "Always");
        }

        json.WriteEndObject();
    }

    /// <summary>Writes mounts, if there are any.</summary>
    public static void WriteMounts(Utf8JsonWriter json, IReadOnlyList<PodMount> mounts)
    {
        if (mounts.Count == 0)
        {
            return;
        }

        json.WriteStartArray("volumeMounts");
        foreach (var mount in mounts)
        {
            WriteMount(json, mount);
        }

        json.WriteEndArray();
    }

    /// <summary>Writes a mount.</summary>
    public static void WriteMount(Utf8JsonWriter json, PodMount mount)
    {
        json.WriteStartObject();
        json.WriteString("name", mount.Volume);
        if (mount.IsReadOnly)
        {
            json.WriteBoolean("readOnly", true);
        }

        json.WriteString("mountPath", mount.Path);
        json.WriteEndObject();
    }

    private void WriteCommand(Utf8JsonWriter json)
    {
        // As an argument the executable can be wrapped by an entrypoint of the image.
        json.WriteStartArray(IgnoresEntrypoint ? "command" : "args");
        json.WriteStringValue(SidecarArguments.Executable);
        if (IgnoresEntrypoint)
        {
            json.WriteEndArray();
            json.WriteStartArray("args");
        }

        foreach (var argument in SidecarArguments.Create(settings, defaults, circumstances.IsMtlsEnabled))
        {
            json.WriteStringValue(argument);
        }

        json.WriteEndArray();
    }

    private void WritePorts(Utf8JsonWriter json)
    {
        json.WriteStartArray("ports");
        WritePort(json, "dapr-http", InjectedSidecar.HttpPort);
        WritePort(json, "dapr-grpc", settings.GrpcPort);
        WritePort(json, "dapr-internal", settings.InternalGrpcPort);
        WritePort(json, "dapr-metrics", settings.MetricsPort);
        if (settings.IsDebugging)
        {
            WritePort(json, "dapr-debug", settings.DebugPort);
        }

        json.WriteEndArray();
    }

    private static void WritePort(Utf8JsonWriter json, string name, int port)
    {
        json.WriteStartObject();
        json.WriteString("name", name);
        json.WriteNumber("containerPort", port);
        json.WriteEndObject();
    }

    private void WriteResources(Utf8JsonWriter json)
    {
        var resources = settings.Resources;
        if (!resources.HasRequests && !resources.HasLimits)
        {
            return;
        }

        json.WriteStartObject("resources");
        WriteQuantities(json, "limits", resources.CpuLimit, resources.MemoryLimit);
        WriteQuantities(json, "requests", resources.CpuRequest, resources.MemoryRequest);
        json.WriteEndObject();
    }

    private static void WriteQuantities(Utf8JsonWriter json, string kind, string cpu, string memory)
    {
        if (cpu.Length + memory.Length == 0)
        {
            return;
        }

        json.WriteStartObject(kind);
        if (cpu.Length > 0)
        {
            json.WriteString("cpu", cpu);
        }

        if (memory.Length > 0)
        {
            json.WriteString("memory", memory);
        }

        json.WriteEndObject();
    }

    private void WriteProbes(Utf8JsonWriter json)
    {
        json.WriteStartObject("livenessProbe");
        json.WriteStartObject("tcpSocket");
        json.WriteNumber("port", InjectedSidecar.PublicPort);
        json.WriteEndObject();
        WriteTimes(json, settings.Liveness);
        json.WriteEndObject();

        json.WriteStartObject("readinessProbe");
        json.WriteStartObject("httpGet");
        json.WriteString("path", "/v1.0/healthz");
        json.WriteNumber("port", InjectedSidecar.PublicPort);
        json.WriteEndObject();
        WriteTimes(json, settings.Readiness);
        json.WriteEndObject();
    }

    private static void WriteTimes(Utf8JsonWriter json, ProbeSettings probe)
    {
        json.WriteNumber("initialDelaySeconds", probe.Delay);
        json.WriteNumber("timeoutSeconds", probe.Timeout);
        json.WriteNumber("periodSeconds", probe.Period);
        json.WriteNumber("failureThreshold", probe.Threshold);
    }

    private void WriteSecurity(Utf8JsonWriter json)
    {
        // On Windows the variable makes the container install certificates, which takes an administrator; which system the pod comes to
        // is not known here, so it holds everywhere (contract: k8s 3.6).
        var installsCertificates = settings.Env.Concat(settings.EnvFromSecrets).Any(e => e.Key == "SSL_CERT_DIR");
        json.WriteStartObject("securityContext");
        json.WriteBoolean("allowPrivilegeEscalation", false);
        json.WriteBoolean("runAsNonRoot", defaults.RunsAsNonRoot && !installsCertificates);
        if (defaults.RunAsUser is { } user && !installsCertificates)
        {
            json.WriteNumber("runAsUser", user);
        }

        if (defaults.RunAsGroup is { } group && !installsCertificates)
        {
            json.WriteNumber("runAsGroup", group);
        }

        json.WriteBoolean("readOnlyRootFilesystem", defaults.HasReadOnlyRoot && !installsCertificates);
        if (defaults.DropsAllCapabilities)
        {
            json.WriteStartObject("capabilities");
            json.WriteStartArray("drop");
            json.WriteStringValue("ALL");
            json.WriteEndArray();
            json.WriteEndObject();
        }

        if (settings.SeccompProfileType.Length > 0)
        {
            json.WriteStartObject("seccompProfile");
            json.WriteString("type", settings.SeccompProfileType);
            json.WriteEndObject();
        }

        if (installsCertificates)
        {
            json.WriteStartObject("windowsOptions");
            json.WriteString("runAsUserName", "ContainerAdministrator");
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }
}
