using DaprK8s.Common.Identity;

namespace DaprK8s.Sidecar.Security;

/// <summary>
/// Hands on what happens to the identity. In Kubernetes it is needed to learn how metrics are to be kept: what happened before that is
/// kept and told then.
/// </summary>
internal sealed class SvidEventRelay : ISvidEvents
{
    private readonly Lock gate = new();
    private List<Action<ISvidEvents>>? early = [];
    private ISvidEvents? target;

    public void Obtained(Svid svid, bool isFirst) => Tell(t => t.Obtained(svid, isFirst));

    public void Failed(string reason, bool isFirst) => Tell(t => t.Failed(reason, isFirst));

    /// <summary>From now on events go there, those from before first.</summary>
    public void Attach(ISvidEvents events)
    {
        lock (gate)
        {
            early?.ForEach(e => e(events));
            early = null;
            target = events;
        }
    }

    private void Tell(Action<ISvidEvents> what)
    {
        lock (gate)
        {
            if (target is { } known)
            {
                what(known);
            }
            else
            {
                early!.Add(what);
            }
        }
    }
}
