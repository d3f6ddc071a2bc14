using System.Text.Json;

namespace DaprK8s.Injector.Sidecar;

/// <summary>The environment of an injected sidecar, in the order of the contract (k8s 3.6).</summary>
internal static class SidecarEnvironment
{
    /// <summary>Tells pluggable components, and the sidecar, where their sockets are.</summary>
    public const string ComponentSockets = "DAPR_COMPONENT_SOCKETS_FOLDER";

    // The name that the sidecar itself reads.
    private const string SidecarComponentSockets = "DAPR_COMPONENTS_SOCKETS_FOLDER";
    private const string TokenKey = "token";

    /// <summary>Writes the list.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="settings">The pod's settings.</param>
    /// <param name="defaults">What holds for all pods.</param>
    /// <param name="circumstances">What holds now.</param>
    /// <param name="hasComponentSockets">Whether pluggable components share a folder with the sidecar.</param>
    public static void Write(
        Utf8JsonWriter json, SidecarSettings settings, SidecarDefaults defaults, SidecarCircumstances circumstances, bool hasComponentSockets)
    {
        json.WriteStartArray("env");
        WriteValue(json, "NAMESPACE", circumstances.Namespace);
        WriteValue(json, "DAPR_TRUST_ANCHORS", circumstances.TrustAnchors);
        WriteField(json, "POD_NAME", "metadata.name");
        WriteValue(json, "DAPR_CONTROLPLANE_NAMESPACE", defaults.ControlPlaneNamespace);
        WriteValue(json, "DAPR_CONTROLPLANE_TRUST_DOMAIN", defaults.ControlPlaneTrustDomain);
        if (defaults.PassesHostIp)
        {
            WriteField(json, "DAPR_HOST_IP", "status.podIP");
        }

        WriteOwn(json, settings);
        if (hasComponentSockets)
        {
            WriteValue(json, ComponentSockets, settings.ComponentSocketsFolder);
            if (settings.ComponentSocketsFolder != SidecarDefaults.StandardComponentSocketsFolder
                && !settings.Env.Concat(settings.EnvFromSecrets).Any(e => e.Key == SidecarComponentSockets))
            {
                WriteValue(json, SidecarComponentSockets, settings.ComponentSocketsFolder);
            }
        }

        if (settings.ApiTokenSecret.Length > 0)
        {
            WriteSecret(json, "DAPR_API_TOKEN", settings.ApiTokenSecret, TokenKey);
        }

        if (settings.AppTokenSecret.Length > 0)
        {
            WriteSecret(json, "APP_API_TOKEN", settings.AppTokenSecret, TokenKey);
        }

        json.WriteEndArray();
    }

    /// <summary>Writes a variable.</summary>
    public static void WriteValue(Utf8JsonWriter json, string name, string value)
    {
        json.WriteStartObject();
        json.WriteString("name", name);
        json.WriteString("value", value);
        json.WriteEndObject();
    }

    private static void WriteOwn(Utf8JsonWriter json, SidecarSettings settings)
    {
        if (settings.Env.Count + settings.EnvFromSecrets.Count == 0)
        {
            return;
        }

        foreach (var (name, value) in settings.Env)
        {
            WriteValue(json, name, value);
        }

        foreach (var (name, reference) in settings.EnvFromSecrets)
        {
            var parts = reference.Split(':', StringSplitOptions.TrimEntries);
            if (parts is [{ Length: > 0 } secret])
            {
                WriteSecret(json, name, secret, secret);
            }
            else if (parts is [{ Length: > 0 } from, { Length: > 0 } key])
            {
                WriteSecret(json, name, from, key);
            }
        }

        // The list that envRef of components is limited to; a variable that was passed over is on it all the same (contract: k8s 3.8).
        WriteValue(json, "DAPR_ENV_KEYS", string.Join(' ', settings.Env.Concat(settings.EnvFromSecrets).Select(e => e.Key)));
    }

    private static void WriteField(Utf8JsonWriter json, string name, string path)
    {
        json.WriteStartObject();
        json.WriteString("name", name);
        json.WriteStartObject("valueFrom");
        json.WriteStartObject("fieldRef");
        json.WriteString("fieldPath", path);
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteSecret(Utf8JsonWriter json, string name, string secret, string key)
    {
        json.WriteStartObject();
        json.WriteString("name", name);
        json.WriteStartObject("valueFrom");
        json.WriteStartObject("secretKeyRef");
        json.WriteString("name", secret);
        json.WriteString("key", key);
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
