using DaprK8s.Common.Resources.Schema;

namespace DaprK8s.Common.Resources;

/// <summary>The sidecars that use a resource, counted.</summary>
public sealed class AppsStatus
{
    /// <summary>The most entries of <see cref="Failing"/>.</summary>
    public const int MaxFailing = 10;

    /// <summary>Sidecars that have told of the resource.</summary>
    [Schema(Format = "int32", Minimum = 0)]
    public int Total { get; set; }

    /// <summary>Those that have it in use.</summary>
    [Schema(Format = "int32", Minimum = 0)]
    public int Ready { get; set; }

    /// <summary>Those where it failed, or where the last change of it failed and the version before is in use.</summary>
    [Schema(Format = "int32", Minimum = 0)]
    public int Failed { get; set; }

    /// <summary>Ready of total, as shown in the APPS column, for example <c>3/4</c>.</summary>
    public string? Summary { get; set; }

    /// <summary>Where it fails and why, the longest first; at most 10 entries, <c>failed</c> has the whole number.</summary>
    [Schema(ListType = "atomic")]
    public List<FailingApp>? Failing { get; set; }
}
