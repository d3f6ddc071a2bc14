namespace DaprK8s.Sidecar.Runtime;

/// <summary>How a resource fares in this sidecar.</summary>
internal enum ResourceState
{
    /// <summary>Being initialised for the first time.</summary>
    Starting,

    /// <summary>In use.</summary>
    Ready,

    /// <summary>Not usable.</summary>
    Failed,

    /// <summary>The last valid version is in use, and a later one failed.</summary>
    Degraded,
}

/// <summary>The words that say why a resource is not ready.</summary>
internal static class StatusReasons
{
    /// <summary>It can't be used as it is written; trying again won't help.</summary>
    public const string Invalid = "InvalidConfiguration";

    /// <summary>Its initialisation failed; it is being tried again.</summary>
    public const string InitFailed = "InitFailed";

    /// <summary>Its initialisation took too long; it is being tried again.</summary>
    public const string InitTimeout = "InitTimeout";

    /// <summary>It waits for a secret store.</summary>
    public const string SecretStoreNotLoaded = "SecretStoreNotLoaded";

    /// <summary>A Secret of the cluster that it refers to is absent or can't be read.</summary>
    public const string SecretUnavailable = "SecretUnavailable";
}

/// <summary>One resource, as this sidecar sees it.</summary>
/// <param name="Kind">For example <c>Component</c>.</param>
/// <param name="Name">Its name.</param>
internal sealed record ResourceStatus(string Kind, string Name)
{
    /// <summary>Of the object that this is about; empty for one from a file.</summary>
    public string Uid { get; init; } = "";

    /// <summary>Of the object that this is about: of the version that failed when <see cref="State"/> is degraded. 0 for one from a file.</summary>
    public long Generation { get; init; }

    public required ResourceState State { get; init; }

    /// <summary>A word for machines, one of <see cref="StatusReasons"/>; empty while there is nothing to explain.</summary>
    public string Reason { get; init; } = "";

    /// <summary>For people; holds no secret.</summary>
    public string Message { get; init; } = "";

    /// <summary>When it came into its state.</summary>
    public DateTimeOffset Since { get; init; }

    /// <summary>Whether the sidecar can't be ready while this is so.</summary>
    public bool HoldsBack { get; init; }
}
