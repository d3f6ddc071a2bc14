namespace DaprK8s.Sidecar.AccessControl;

/// <summary>
/// The operations of one policy as a tree by segments (contract: security 3.5). A search takes the first sibling that matches, in the
/// order of declaration, and never goes back.
/// </summary>
/// <param name="ignoreCase">Whether case counts for nothing, as for HTTP apps.</param>
internal sealed class OperationTree(bool ignoreCase)
{
    private readonly Node root = new("");

    /// <summary>Adds an operation. Of several with the same name the first counts.</summary>
    /// <param name="name">The name; a leading slash may be missing.</param>
    /// <param name="rule">What holds for it.</param>
    public void Add(string name, OperationRule rule)
    {
        var node = root;
        foreach (var segment in (name.StartsWith('/') ? name[1..] : name).Split('/'))
        {
            node = node.Obtain(ignoreCase ? Lower(segment) : segment);
        }

        node.Rule ??= rule;
    }

    /// <summary>The rule for a method, if there is one.</summary>
    /// <param name="operation">The normalised method; a leading slash may be missing.</param>
    public OperationRule? Find(ReadOnlySpan<char> operation)
    {
        var rest = operation is ['/', ..] ? operation[1..] : operation;
        var node = root;
        while (true)
        {
            var end = rest.IndexOf('/');
            var isLast = end < 0;
            node = node.Match(isLast ? rest : rest[..end], isLast, ignoreCase);
            if (node is null)
            {
                return null;
            }

            // A whole-segment "*" counts at the end only.
            if (node.Rule is not null && (isLast || node.Segment != "*"))
            {
                return node.Rule;
            }

            if (isLast)
            {
                // "/a/*" covers "/a".
                return node.Match("*", isLast: true, ignoreCase)?.Rule;
            }

            rest = rest[(end + 1)..];
        }
    }

    private static string Lower(string text) => string.Create(text.Length, text, static (span, from) =>
    {
        for (var i = 0; i < span.Length; i++)
        {
            span[i] = char.ToLowerInvariant(from[i]);
        }
    });

    private sealed class Node(string segment)
    {
        private readonly List<Node> children = [];

        public string Segment { get; } = segment;

        public OperationRule? Rule { get; set; }

        public Node Obtain(string segment)
        {
            var child = children.Find(c => c.Segment == segment);
            if (child is null)
            {
                child = new Node(segment);
                children.Add(child);
            }

            return child;
        }

        public Node? Match(ReadOnlySpan<char> segment, bool isLast, bool ignoreCase)
        {
            foreach (var child in children)
            {
                if (child.Segment == "*")
                {
                    if (isLast || segment is "*")
                    {
                        return child;
                    }
                }
                else if (child.Segment == "**" || Glob.IsMatch(child.Segment, segment, ignoreCase))
                {
                    return child;
                }
            }

            return null;
        }
    }
}
