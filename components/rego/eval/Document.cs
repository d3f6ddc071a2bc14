namespace DaprK8s.Components.Rego;

/// <summary>
/// A place under <c>data</c>: what rules make there, what was given as data, and the places below, as one document.
/// </summary>
internal sealed class Document
{
    private readonly RegoString? name;
    private readonly Document? parent;
    private readonly SortedDictionary<string, Document> children = new(StringComparer.Ordinal);

    /// <summary>Makes a place.</summary>
    /// <param name="name">Its name; the root has none.</param>
    /// <param name="parent">The place above; the root has none.</param>
    /// <param name="id">Its number.</param>
    /// <param name="given">What was given as data for it.</param>
    public Document(RegoString? name, Document? parent, int id, RegoValue? given)
    {
        this.name = name;
        this.parent = parent;
        Id = id;
        Given = given;
    }

    /// <summary>The number of the place, for what is remembered of it during an evaluation.</summary>
    public int Id { get; }

    /// <summary>The rules of just this place, if any.</summary>
    public RuleGroup? Group { get; set; }

    /// <summary>The places below.</summary>
    public IEnumerable<Document> Children => children.Values;

    /// <summary>What was given as data for this place.</summary>
    public RegoValue? Given { get; }

    /// <summary>Whether a package is here or below.</summary>
    public bool HoldsPackage { get; private set; }

    /// <summary>The place's name with all that is above.</summary>
    public string Path => parent is null ? "data" : $"{parent.Path}.{name!.Value}";

    /// <summary>The place below of a name, if there is one.</summary>
    public Document? Child(string child) => children.GetValueOrDefault(child);

    /// <summary>Adds a place below.</summary>
    public void Add(string child, Document document) => children.Add(child, document);

    /// <summary>Notes that a package is here.</summary>
    public void MarkPackage()
    {
        HoldsPackage = true;
        parent?.MarkPackage();
    }

    /// <summary>The document's value, or <see langword="null"/> when it is undefined.</summary>
    public RegoValue? Eval(Evaluation e)
    {
        var scope = e.Scope;
        if (scope.TryGet(Id, out var value))
        {
            return value;
        }

        if (scope.HasReplacements && parent is not null && parent.TryReplaced(scope, out var above))
        {
            return above?.Get(name!);
        }

        if (Group is null && children.Count == 0)
        {
            return Given ?? (HoldsPackage ? RegoObject.Empty : null);
        }

        e.Spend();
        value = Compute(e);
        scope.Remember(Id, value);
        return value;
    }

    /// <summary>Puts a value in the place of the document.</summary>
    public void Replace(DocumentScope scope, RegoValue value)
    {
        List<RegoValue> path = [];
        for (var place = this; place.parent is { } above; place = above)
        {
            path.Insert(0, place.name!);
            if (scope.IsReplaced(above.Id))
            {
                scope.TryGet(above.Id, out var around);
                scope.Replace(above.Id, Replacement.Patch(around, path.ToArray(), value));
                return;
            }
        }

        ReopenBelow(scope);
        scope.Replace(Id, value);
    }

    private void ReopenBelow(DocumentScope scope)
    {
        foreach (var child in Children)
        {
            scope.Reopen(child.Id);
            child.ReopenBelow(scope);
        }
    }

    private bool TryReplaced(DocumentScope scope, out RegoValue? value)
    {
        if (scope.IsReplaced(Id))
        {
            return scope.TryGet(Id, out value);
        }

        value = null;
        if (parent is null || !parent.TryReplaced(scope, out var above))
        {
            return false;
        }

        value = above?.Get(name!);
        return true;
    }

    /// <summary>What rules of two places make of one.</summary>
    private static RegoValue Merge(RegoValue a, RegoValue b)
    {
        switch (a, b)
        {
            case (RegoSet x, RegoSet y):
                return RegoSet.Of([.. x.Items, .. y.Items]);
            case (RegoObject x, RegoObject y):
                var merged = Array.ConvertAll(y.Keys, k => x.Get(k) is { } other ? Merge(other, y.Get(k)!) : y.Get(k)!);
                return RegoObject.Of([.. x.Keys, .. y.Keys], [.. x.Values, .. merged], out _);
            default:
                return RegoValue.Same(a, b) ? a : throw new RegoEvaluationException(RegoEvaluationException.Conflict, default, "object keys must be unique");
        }
    }

    private RegoValue? Compute(Evaluation e)
    {
        var own = Group is null ? Given : Group.Eval(e);
        if (children.Count == 0 || own is not (null or RegoObject))
        {
            return own;
        }

        var around = own as RegoObject ?? RegoObject.Empty;
        List<RegoValue> keys = [.. around.Keys], values = [.. around.Values];
        var found = false;
        foreach (var child in children.Values)
        {
            if (child.Eval(e) is { } value)
            {
                var other = Group is null || e.Scope.IsReplaced(child.Id) ? null : around.Get(child.name!);
                keys.Add(child.name!);
                values.Add(other is null ? value : Merge(other, value));
                found = true;
            }
        }

        return found || own is not null || HoldsPackage ? RegoObject.Of([.. keys], [.. values], out _) : null;
    }
}
