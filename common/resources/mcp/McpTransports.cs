using DaprK8s.Common.Resources.Schema;

namespace DaprK8s.Common.Resources;

/// <summary>An MCP server behind a URL.</summary>
public sealed class McpHttpTransport
{
    /// <summary>Absolute http or https URL of the server, for example <c>https://mcp.example.com/mcp</c>.</summary>
    [Schema(Required = true, MinLength = 1)]
    public string Url { get; set; } = "";

    /// <summary>Version of the protocol. Accepted, without effect: the version is negotiated.</summary>
    public string? ProtocolVersion { get; set; }

    /// <summary>How long a call may take, a duration such as <c>1m</c>. Default 30s.</summary>
    public string? Timeout { get; set; }

    /// <summary>Headers set on every request.</summary>
    public List<NameValuePair>? Headers { get; set; }

    /// <summary>How the sidecar proves to the server who it is.</summary>
    public McpAuth? Auth { get; set; }
}

/// <summary>An MCP server that is a process.</summary>
public sealed class McpStdioTransport
{
    /// <summary>The program: a name that is looked up in PATH, an absolute path, or a path inside the working directory.</summary>
    [Schema(Required = true, MinLength = 1)]
    public string Command { get; set; } = "";

    /// <summary>Its arguments.</summary>
    public List<string>? Args { get; set; }

    /// <summary>Environment variables that it gets besides those of the sidecar.</summary>
    public List<NameValuePair>? Env { get; set; }
}

/// <summary>Identification towards an MCP server.</summary>
public sealed class McpAuth
{
    /// <summary>Name of the secret store component that answers the secret references of this transport. Default <c>kubernetes</c>.</summary>
    public string? SecretStore { get; set; }

    /// <summary>A token by OAuth 2 client credentials.</summary>
    public McpOAuth2? Oauth2 { get; set; }

    /// <summary>A token by the sidecar's own SPIFFE identity. Not looked at when oauth2 is given.</summary>
    public McpSpiffe? Spiffe { get; set; }
}

/// <summary>OAuth 2 client credentials.</summary>
public sealed class McpOAuth2
{
    /// <summary>URL that gives tokens.</summary>
    [Schema(Required = true, MinLength = 1)]
    public string Issuer { get; set; } = "";

    /// <summary>Audience asked for.</summary>
    public string? Audience { get; set; }

    /// <summary>Scopes asked for.</summary>
    public List<string>? Scopes { get; set; }

    /// <summary>The client's id.</summary>
    public string? ClientID { get; set; }

    /// <summary>The client's secret. Read by the sidecar itself, from the transport's secret store.</summary>
    public SecretKeyRef? SecretKeyRef { get; set; }
}

/// <summary>Identification by SPIFFE.</summary>
public sealed class McpSpiffe
{
    /// <summary>A JWT SVID in a header.</summary>
    public McpSpiffeJwt? Jwt { get; set; }
}

/// <summary>A JWT SVID in a header.</summary>
public sealed class McpSpiffeJwt
{
    /// <summary>The header, for example <c>Authorization</c>.</summary>
    [Schema(Required = true, MinLength = 1)]
    public string Header { get; set; } = "";

    /// <summary>Audience of the token.</summary>
    [Schema(Required = true, MinLength = 1)]
    public string Audience { get; set; } = "";

    /// <summary>What stands before the token in the header, for example <c>"Bearer "</c>.</summary>
    public string? HeaderValuePrefix { get; set; }
}
