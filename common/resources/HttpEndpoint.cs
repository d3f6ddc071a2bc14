namespace DaprK8s.Common.Resources;

/// <summary>An HTTPEndpoint resource: an external service that can be invoked by name (contract: k8s 1.4).</summary>
public sealed class HttpEndpoint : Resource
{
    /// <summary>Address, headers and TLS.</summary>
    public HttpEndpointSpec Spec { get; init; } = new();

    /// <summary>The secret store of its secret references.</summary>
    public ResourceAuth? Auth { get; init; }
}

/// <summary>An endpoint's specification.</summary>
public sealed class HttpEndpointSpec
{
    /// <summary>Absolute URL that methods are appended to.</summary>
    public string BaseUrl { get; init; } = "";

    /// <summary>Headers set on every request.</summary>
    public List<NameValuePair>? Headers { get; init; }

    /// <summary>TLS material.</summary>
    public ClientTls? ClientTLS { get; init; }
}

/// <summary>TLS towards an endpoint.</summary>
public sealed class ClientTls
{
    /// <summary>PEM of the root that the server's certificate must chain to; system roots when absent.</summary>
    public SecretableValue? RootCA { get; init; }

    /// <summary>PEM of the client certificate.</summary>
    public SecretableValue? Certificate { get; init; }

    /// <summary>PEM of its key.</summary>
    public SecretableValue? PrivateKey { get; init; }

    /// <summary><c>Never</c> (default), <c>OnceAsClient</c> or <c>FreelyAsClient</c>.</summary>
    public string? Renegotiation { get; init; }
}
