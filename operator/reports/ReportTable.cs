using DaprK8s.Protos.Operator.Status.V1;

namespace DaprK8s.Operator.Reports;

/// <summary>
/// What sidecars report, by namespace and pod. A pod is its stream's: what the stream reported goes when it ends, unless the pod has opened
/// another one meanwhile.
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

            var former = place.GetValueOrDefault(pod);
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

            if (former is not null && isSnapshot)
            {
                changed.AddRange(former.Resources.Keys.Where(n => !now.ContainsKey(n)));
            }

            place[pod] = new Entry(owner, now);
        }

        Tell(pod, changed, isGone: false);
    }

    /// <summary>Forgets a sidecar, if it is still this stream's.</summary>
    public void Remove(object owner, PodKey pod)
    {
        ResourceName[] gone;
        lock (gate)
        {
            if (!places.TryGetValue(pod.Namespace, out var place) || !place.TryGetValue(pod, out var entry) || !ReferenceEquals(entry.Owner, owner))
            {
                return;
            }

            gone = [.. entry.Resources.Keys];
            place.Remove(pod);
            if (place.Count == 0)
            {
                places.Remove(pod.Namespace);
            }
        }

        Tell(pod, gone, isGone: true);
    }

    /// <summary>Forgets all sidecars of a stream but some.</summary>
    public void RemoveAll(object owner, Func<PodKey, bool> except)
    {
        PodKey[] gone;
        lock (gate)
        {
            gone = [.. places.Values.SelectMany(p => p).Where(e => ReferenceEquals(e.Value.Owner, owner) && !except(e.Key)).Select(e => e.Key)];
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

    private sealed record Entry(object Owner, Dictionary<ResourceName, ReportedState> Resources);
}
