using DaprK8s.Protos.Operator.Status.V1;

namespace DaprK8s.Operator.Reports;

/// <summary>
/// What sidecars report, by namespace and pod. What a stream reported goes when it ends. A pod that moves from replica to replica has two
/// streams for a while, and either may be the first to end or to be told of: the last report counts, and when its stream ends that of the other.
/// </summary>
internal sealed class ReportTable
{
    /// <summary>More resources than these of one sidecar are not held.</summary>
    public const int MaxResources = 5000;

    private readonly Lock gate = new();
    private readonly Dictionary<string, Dictionary<PodKey, Entry>> places = [];
    private readonly Dictionary<string, string> texts = [];

    /// <summary>Told of each resource whose state in a sidecar has changed, and whether the sidecar is gone.</summary>
    public Action<ResourceKey, bool>? ResourceChanged { get; set; }

    /// <summary>Told of each sidecar whose report has changed.</summary>
    public Action<PodKey>? PodChanged { get; set; }

    /// <summary>How many sidecars have reported.</summary>
    public int Count
    {
        get
        {
            lock (gate)
            {
                return places.Values.Sum(p => p.Count);
            }
        }
    }

    /// <summary>All sidecars.</summary>
    public IReadOnlyList<PodKey> Pods
    {
        get
        {
            lock (gate)
            {
                return [.. places.Values.SelectMany(p => p.Keys)];
            }
        }
    }

    /// <summary>Takes a report.</summary>
    /// <param name="owner">The stream.</param>
    /// <param name="pod">The sidecar.</param>
    /// <param name="isSnapshot">What is not in it is not loaded any more.</param>
    /// <param name="states">The resources.</param>
    public void Apply(object owner, PodKey pod, bool isSnapshot, IReadOnlyCollection<ResourceState> states)
    {
        List<ResourceName> changed = [];
        lock (gate)
        {
            if (!places.TryGetValue(pod.Namespace, out var place))
            {
                places[pod.Namespace] = place = [];
            }

            var last = place.GetValueOrDefault(pod);
            var former = last?.Find(owner);
            var now = former is not null && !isSnapshot ? former.Resources : new Dictionary<ResourceName, ReportedState>(states.Count);
            foreach (var state in states)
            {
                var name = new ResourceName(Shared(state.Kind), Shared(state.Name));
                if (state.State == ResourceState.Types.State.Removed)
                {
                    now.Remove(name);
                    changed.Add(name);
                }
                else if (now.Count < MaxResources || now.ContainsKey(name))
                {
                    now[name] = ReportedState.Read(state);
                    changed.Add(name);
                }
            }

            if (last is not null && !ReferenceEquals(last.Resources, now))
            {
                // What is not in it, and what is as it was before another stream's report.
                changed = [.. changed.Union(last.Resources.Keys).Union(now.Keys)];
            }

            place[pod] = new Entry(owner, now, last?.Without(owner));
        }

        Tell(pod, changed, isGone: false);
    }

    /// <summary>Forgets what a stream has reported of a sidecar.</summary>
    public void Remove(object owner, PodKey pod)
    {
        ResourceName[] changed;
        Entry? left;
        lock (gate)
        {
            if (!places.TryGetValue(pod.Namespace, out var place) || !place.TryGetValue(pod, out var last) || last.Find(owner) is null)
            {
                return;
            }

            left = last.Without(owner);
            if (left is not null)
            {
                place[pod] = left;
            }
            else if (place.Remove(pod) && place.Count == 0)
            {
                places.Remove(pod.Namespace);
            }

            if (!ReferenceEquals(last.Owner, owner))
            {
                return;
            }

            changed = [.. last.Resources.Keys.Union(left?.Resources.Keys.AsEnumerable() ?? [])];
        }

        Tell(pod, changed, isGone: left is null);
    }

    /// <summary>Forgets all sidecars of a stream but some.</summary>
    public void RemoveAll(object owner, Func<PodKey, bool> except)
    {
        PodKey[] gone;
        lock (gate)
        {
            gone = [.. places.Values.SelectMany(p => p).Where(e => e.Value.Find(owner) is not null && !except(e.Key)).Select(e => e.Key)];
        }

        Array.ForEach(gone, pod => Remove(owner, pod));
    }

    /// <summary>The report of a sidecar, for another replica; <see langword="null"/> when it is gone.</summary>
    public List<ResourceState>? Find(PodKey pod)
    {
        lock (gate)
        {
            return places.GetValueOrDefault(pod.Namespace)?.GetValueOrDefault(pod) is { } entry ? [.. entry.Resources.Select(r => r.Value.Write(r.Key))] : null;
        }
    }

    /// <summary>How a resource fares, in each sidecar that told of it.</summary>
    public List<(PodKey Pod, ReportedState State)> Of(ResourceKey resource)
    {
        List<(PodKey, ReportedState)> found = [];
        var name = new ResourceName(resource.Kind, resource.Name);
        lock (gate)
        {
            foreach (var (pod, entry) in places.GetValueOrDefault(resource.Namespace) ?? [])
            {
                if (entry.Resources.TryGetValue(name, out var state))
                {
                    found.Add((pod, state));
                }
            }
        }

        return found;
    }

    private void Tell(PodKey pod, IEnumerable<ResourceName> resources, bool isGone)
    {
        foreach (var resource in resources)
        {
            ResourceChanged?.Invoke(new ResourceKey(pod.Namespace, resource.Kind, resource.Name), isGone);
        }

        PodChanged?.Invoke(pod);
    }

    // A thousand sidecars name the same resources.
    private string Shared(string text)
    {
        if (texts.TryGetValue(text, out var known))
        {
            return known;
        }

        if (texts.Count > 100_000)
        {
            texts.Clear();
        }

        return texts[text] = text;
    }

    /// <param name="Owner">The stream.</param>
    /// <param name="Resources">What it has reported.</param>
    /// <param name="Older">The last report of another stream, that is still open.</param>
    private sealed record Entry(object Owner, Dictionary<ResourceName, ReportedState> Resources, Entry? Older)
    {
        public Entry? Find(object owner) => ReferenceEquals(Owner, owner) ? this : Older?.Find(owner);

        public Entry? Without(object owner) => ReferenceEquals(Owner, owner) ? Older : this with { Older = Older?.Without(owner) };
    }
}
