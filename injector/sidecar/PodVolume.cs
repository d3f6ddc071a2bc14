using System.Text.Json;

namespace DaprK8s.Injector.Sidecar;

/// <summary>A volume that comes with the sidecar (contract: k8s 3.9).</summary>
/// <param name="Name">Its name in the pod.</param>
/// <param name="Write">Writes it whole.</param>
internal sealed record PodVolume(string Name, Action<Utf8JsonWriter> Write)
{
    /// <summary>The token that the sidecar shows to sentry.</summary>
    public const string Token = "dapr-identity-token";

    /// <summary>The sidecar's sockets.</summary>
    public const string Sockets = "dapr-unix-domain-socket";

    /// <summary>Pluggable components' sockets.</summary>
    public const string ComponentSockets = "dapr-components-unix-domain-socket";

    /// <summary>Where the sidecar reads its token.</summary>
    public const string TokenFolder = "/var/run/secrets/dapr.io/sentrytoken";

    private const int TokenLifeSeconds = 7200;
    private const int ReadableMode = 420;

    /// <summary>A directory that lives as long as the pod.</summary>
    public static PodVolume EmptyDirectory(string name, bool isInMemory = false) => new(name, json =>
    {
        json.WriteStartObject();
        json.WriteString("name", name);
        json.WriteStartObject("emptyDir");
        if (isInMemory)
        {
            json.WriteString("medium", "Memory");
        }

        json.WriteEndObject();
        json.WriteEndObject();
    });

    /// <summary>A token of the pod's service account, for an audience.</summary>
    public static PodVolume IdentityToken(string audience) => new(Token, json =>
    {
        json.WriteStartObject();
        json.WriteString("name", Token);
        json.WriteStartObject("projected");
        json.WriteNumber("defaultMode", ReadableMode);
        json.WriteStartArray("sources");
        json.WriteStartObject();
        json.WriteStartObject("serviceAccountToken");
        json.WriteString("audience", audience);
        json.WriteNumber("expirationSeconds", TokenLifeSeconds);
        json.WriteString("path", "token");
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
    });
}
