using DaprK8s.Common.Resources;

namespace DaprK8s.Sidecar.Reload;

/// <summary>
/// What a source tells of its resources. A source may tell the same thing twice, and a list of what is known already: what does not
/// differ from what is loaded is passed over by <see cref="Reloader"/>.
/// </summary>
internal abstract record SourceEvent;

/// <summary>A resource is there, new or changed. A Configuration comes laid over the built-in defaults.</summary>
internal sealed record ResourceApplied(Resource Resource) : SourceEvent;

/// <summary>A resource is gone, or no longer this app's.</summary>
/// <param name="Kind">One of <see cref="ResourceKinds"/>.</param>
/// <param name="Name">Its name.</param>
internal sealed record ResourceDeleted(string Kind, string Name) : SourceEvent;

/// <summary>All resources of a kind as they are now; what is loaded and not among them is gone.</summary>
/// <param name="Kind">One of <see cref="ResourceKinds.Listed"/>.</param>
/// <param name="All">In load order, before scopes are looked at.</param>
internal sealed record KindListed(string Kind, IReadOnlyList<Resource> All) : SourceEvent
{
    /// <summary>
    /// The list was made without an occasion, to find what was missed: values that come from secret stores are looked up again too.
    /// </summary>
    public bool IsReconcile { get; init; }
}
