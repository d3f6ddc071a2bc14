using System.Text.Json.Serialization.Metadata;
using DaprK8s.Common.Resources.Schema;

namespace DaprK8s.Common.Resources;

/// <summary>A named value that may come from a secret or from the environment (contract: k8s 1.2).</summary>
public sealed class NameValuePair
{
    /// <summary>Reads a list of them.</summary>
    public static JsonTypeInfo<List<NameValuePair>> ListJson => ResourceJson.Default.ListNameValuePair;

    /// <summary>The name.</summary>
    [Schema(Required = true)]
    public string Name { get; set; } = "";

    /// <summary>
    /// The value, any JSON: a string is used as it is, everything else as its JSON text, so <c>5</c> and <c>"5"</c> are the same.
    /// Leave it out when <c>secretKeyRef</c> or <c>envRef</c> gives the value.
    /// </summary>
    [Schema(Any = true)]
    public string? Value { get; set; }

    /// <summary>Takes the value from a secret, and wins over <c>value</c>.</summary>
    public SecretKeyRef? SecretKeyRef { get; set; }

    /// <summary>
    /// Takes the value from this environment variable of the sidecar when <c>value</c> is empty. Variables named <c>DAPR_*</c> and
    /// <c>APP_API_TOKEN</c> are refused; on Kubernetes only those given by the annotation dapr.io/env may be named.
    /// </summary>
    public string? EnvRef { get; set; }
}

/// <summary>Points at a key of a secret.</summary>
public sealed class SecretKeyRef
{
    /// <summary>The secret's name in the secret store; for the store <c>kubernetes</c>, a Secret of the resource's own namespace.</summary>
    [Schema(Required = true)]
    public string Name { get; set; } = "";

    /// <summary>The key in the secret. Empty means: the key is named like the secret.</summary>
    public string? Key { get; set; }
}

/// <summary>A value given directly or through a secret.</summary>
public sealed class SecretableValue
{
    /// <summary>The value, any JSON: a string is used as it is, everything else as its JSON text.</summary>
    [Schema(Any = true)]
    public string? Value { get; set; }

    /// <summary>Takes the value from a secret, and wins over <c>value</c>.</summary>
    public SecretKeyRef? SecretKeyRef { get; set; }
}

/// <summary>Which secret store answers a resource's secret references.</summary>
public sealed class ResourceAuth
{
    /// <summary>
    /// Name of the secret store component that answers every <c>secretKeyRef</c> of this resource. Empty or <c>kubernetes</c> means the
    /// Secrets of the cluster; without a cluster there is no default.
    /// </summary>
    [Schema(Required = true)]
    public string? SecretStore { get; set; }
}
