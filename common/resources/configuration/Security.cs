using System.Text.Json;
using DaprK8s.Common.Resources.Schema;

namespace DaprK8s.Common.Resources;

/// <summary>Mutual TLS.</summary>
public sealed class MtlsSpec
{
    /// <summary>Whether sidecars speak mutual TLS with each other. Default true.</summary>
    [Schema(Required = true)]
    public bool Enabled { get; set; }

    /// <summary>How long the certificate of a sidecar is valid, a duration such as <c>24h</c> (the default). Renewed at half of it.</summary>
    public string? WorkloadCertTTL { get; set; }

    /// <summary>How far clocks may differ: certificates are valid that much earlier. A duration, default 15m.</summary>
    public string? AllowedClockSkew { get; set; }

    /// <summary>Host and port of sentry, which signs certificates, for example <c>dapr-sentry.dapr-system.svc.cluster.local:443</c>.</summary>
    [Schema(Required = true)]
    public string? SentryAddress { get; set; }

    /// <summary>Trust domain of the control plane's own identities. Default <c>cluster.local</c>.</summary>
    [Schema(Required = true)]
    public string? ControlPlaneTrustDomain { get; set; }

    /// <summary>Further ways in which sidecars may prove to sentry who they are.</summary>
    public List<TokenValidatorSpec>? TokenValidators { get; set; }
}

/// <summary>A way to prove who one is.</summary>
public sealed class TokenValidatorSpec
{
    /// <summary>Which validator; <c>jwks</c> is the only one.</summary>
    [Schema(Required = true, Enum = ["jwks"])]
    public string Name { get; set; } = "";

    /// <summary>Its settings; for <c>jwks</c>: <c>source</c> (URL, file or the key set itself), <c>requestTimeout</c>, <c>minRefreshInterval</c>, <c>caCertificate</c>.</summary>
    [Schema(PreserveUnknownFields = true)]
    public JsonElement Options { get; set; }
}

/// <summary>Access to secrets.</summary>
public sealed class SecretsSpec
{
    /// <summary>A scope a secret store; a store without one is open.</summary>
    [Schema(Required = true)]
    public List<SecretScopeSpec> Scopes { get; set; } = [];
}

/// <summary>Access to the secrets of one store.</summary>
public sealed class SecretScopeSpec
{
    /// <summary>Name of the secret store component.</summary>
    [Schema(Required = true)]
    public string StoreName { get; set; } = "";

    /// <summary>What holds for secrets that no list names: <c>allow</c> (default) or <c>deny</c>.</summary>
    public string? DefaultAccess { get; set; }

    /// <summary>When not empty, only these secrets may be read.</summary>
    public List<string>? AllowedSecrets { get; set; }

    /// <summary>Secrets that may not be read.</summary>
    public List<string>? DeniedSecrets { get; set; }
}

/// <summary>Access control for service invocation.</summary>
public sealed class AccessControlSpec
{
    /// <summary>What holds for callers that no policy is for: <c>allow</c> or <c>deny</c>. Empty with policies means deny.</summary>
    public string? DefaultAction { get; set; }

    /// <summary>Trust domain of the identity of the app that this configuration is assigned to. Default <c>public</c>.</summary>
    public string? TrustDomain { get; set; }

    /// <summary>A policy a calling app.</summary>
    public List<AppPolicySpec>? Policies { get; set; }
}

/// <summary>What one app may do.</summary>
public sealed class AppPolicySpec
{
    /// <summary>App id of the caller.</summary>
    [Schema(Required = true)]
    public string AppId { get; set; } = "";

    /// <summary>What holds for operations that none of the list is for: <c>allow</c> or <c>deny</c>.</summary>
    public string? DefaultAction { get; set; }

    /// <summary>Trust domain of the caller. Needed: a policy without one keeps the sidecar from starting.</summary>
    public string? TrustDomain { get; set; }

    /// <summary>Namespace of the caller. Needed: a policy without one keeps the sidecar from starting.</summary>
    public string? Namespace { get; set; }

    /// <summary>Operations; the first whose name matches decides.</summary>
    public List<AppOperationSpec>? Operations { get; set; }
}

/// <summary>An operation of an app.</summary>
public sealed class AppOperationSpec
{
    /// <summary>Path of the method. <c>*</c> stands for a part of a segment, <c>/*</c> at the end for one more segment, <c>/**</c> for everything below.</summary>
    [Schema(Required = true)]
    public string Name { get; set; } = "";

    /// <summary>HTTP verbs that it is for, in capitals; <c>*</c> for all. Not looked at for gRPC.</summary>
    public List<string>? HttpVerb { get; set; }

    /// <summary><c>allow</c> or <c>deny</c>.</summary>
    [Schema(Required = true)]
    public string Action { get; set; } = "";
}
