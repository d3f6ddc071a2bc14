using DaprK8s.Common.Resources.Schema;

namespace DaprK8s.Common.Resources;

/// <summary>An HTTPEndpoint gives a service outside a name by which apps invoke it like another app, with headers and TLS of its own.</summary>
/// <remarks>Contract: k8s 1.4.</remarks>
[CustomResource("HTTPEndpoint", "httpendpoints", "dhttp", "httpendpoints")]
[PrinterColumn("Ready", """.status.conditions[?(@.type=="Ready")].status""", "Whether every sidecar that uses the endpoint has it in use.")]
[PrinterColumn("URL", ".spec.baseUrl", "The address that method names are appended to.")]
[PrinterColumn("Apps", ".status.apps.summary", "Sidecars that have it in use, of those that use it.")]
[PrinterColumn("Age", ".metadata.creationTimestamp", "How long it has been there.", Type = "date")]
public sealed class HttpEndpoint : Resource
{
    /// <summary>Address, headers and TLS.</summary>
    public HttpEndpointSpec Spec { get; set; } = new();

    /// <summary>The secret store that answers the secret references of this endpoint.</summary>
    public ResourceAuth? Auth { get; set; }
}

/// <summary>An endpoint's specification.</summary>
public sealed class HttpEndpointSpec
{
    /// <summary>Absolute URL that the invoked method is appended to, for example <c>https://api.example.com/v2</c>.</summary>
    [Schema(Required = true)]
    public string BaseUrl { get; set; } = "";

    /// <summary>Headers set on every request, for example an API key from a secret.</summary>
    public List<NameValuePair>? Headers { get; set; }

    /// <summary>TLS towards the endpoint; the machine's own roots and no client certificate when absent.</summary>
    public ClientTls? ClientTLS { get; set; }
}

/// <summary>TLS towards an endpoint.</summary>
public sealed class ClientTls
{
    /// <summary>PEM of the root that the server's certificate must chain to. Default: the roots of the sidecar's image.</summary>
    public SecretableValue? RootCA { get; set; }

    /// <summary>PEM of the client certificate; needs <c>privateKey</c>.</summary>
    public SecretableValue? Certificate { get; set; }

    /// <summary>PEM of the client certificate's key; take it from a secret.</summary>
    public SecretableValue? PrivateKey { get; set; }

    /// <summary>Whether the server may ask for a new handshake: <c>Never</c> (default), <c>OnceAsClient</c> or <c>FreelyAsClient</c>.</summary>
    [Schema(Enum = ["Never", "OnceAsClient", "FreelyAsClient"], Default = "\"Never\"")]
    public string? Renegotiation { get; set; }
}
