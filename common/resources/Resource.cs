using System.Text.Json.Serialization;
using DaprK8s.Common.Kubernetes;

namespace DaprK8s.Common.Resources;

/// <summary>What every <c>dapr.io</c> resource has (contract: k8s 1.1).</summary>
public abstract class Resource : IApiObject
{
    /// <summary><c>dapr.io/v1alpha1</c> or <c>dapr.io/v2alpha1</c>.</summary>
    public string ApiVersion { get; init; } = "";

    /// <summary>The kind.</summary>
    public string Kind { get; init; } = "";

    /// <summary>Name and namespace.</summary>
    public ObjectMeta Metadata { get; init; } = new();

    /// <summary>The app ids that it is for; empty means every app.</summary>
    public List<string>? Scopes { get; init; }

    /// <summary>The resource's name.</summary>
    [JsonIgnore]
    public string Name => Metadata.Name;

    /// <summary>Where it was read: <c>file.yaml</c>, or empty for a resource from the API.</summary>
    [JsonIgnore]
    public string Source { get; set; } = "";

    /// <summary>Whether it is for this app.</summary>
    public bool IsInScope(string appId) => Scopes is not { Count: > 0 } || Scopes.Contains(appId);
}

/// <summary>The part of Kubernetes object metadata that matters here.</summary>
public sealed class ObjectMeta
{
    /// <summary>The name.</summary>
    public string Name { get; init; } = "";

    /// <summary>The namespace, or empty.</summary>
    public string? Namespace { get; init; }

    /// <summary>Which of all objects that ever had this name it is; given by the API server.</summary>
    public string? Uid { get; init; }

    /// <summary>Which version of it; given by the API server.</summary>
    public string? ResourceVersion { get; init; }

    /// <summary>Counts the versions of its specification, from 1; given by the API server, 0 elsewhere.</summary>
    public long Generation { get; init; }

    /// <summary>Annotations.</summary>
    public Dictionary<string, string>? Annotations { get; init; }
}

/// <summary>A named value that may come from a secret or from the environment (contract: k8s 1.2).</summary>
public sealed class NameValuePair
{
    /// <summary>The name.</summary>
    public string Name { get; init; } = "";

    /// <summary>The value as text; raw JSON text for anything but a string.</summary>
    public string? Value { get; init; }

    /// <summary>A secret that gives the value.</summary>
    public SecretKeyRef? SecretKeyRef { get; init; }

    /// <summary>An environment variable of the sidecar that gives the value when <see cref="Value"/> is empty.</summary>
    public string? EnvRef { get; init; }
}

/// <summary>Points at a key of a secret.</summary>
public sealed class SecretKeyRef
{
    /// <summary>The secret.</summary>
    public string Name { get; init; } = "";

    /// <summary>The key in it; empty means the secret's name.</summary>
    public string? Key { get; init; }
}

/// <summary>A value given directly or through a secret.</summary>
public sealed class SecretableValue
{
    /// <summary>The value as text.</summary>
    public string? Value { get; init; }

    /// <summary>A secret that gives the value.</summary>
    public SecretKeyRef? SecretKeyRef { get; init; }
}

/// <summary>Which secret store answers a resource's secret references.</summary>
public sealed class ResourceAuth
{
    /// <summary>The secret store component's name.</summary>
    public string? SecretStore { get; init; }
}
