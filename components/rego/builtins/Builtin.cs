namespace DaprK8s.Components.Rego;

/// <summary>
/// A function of the language. A value of a type that it does not take, or that it cannot work with, makes the call undefined; what
/// the text of the policy alone shows to be wrong is refused at compile time.
/// </summary>
internal sealed class Builtin
{
    private readonly int[] kinds;
    private readonly Func<Builtin, Node[], Node> call;

    /// <summary>Describes a function.</summary>
    /// <param name="name">The name.</param>
    /// <param name="arguments">The types of the arguments: commas between arguments, bars between types, <c>any</c> for all.</param>
    /// <param name="call">Makes the node of a call.</param>
    public Builtin(string name, string arguments, Func<Builtin, Node[], Node> call)
    {
        Name = name;
        kinds = arguments.Length == 0 ? [] : Array.ConvertAll(arguments.Split(','), Kinds);
        this.call = call;
    }

    /// <summary>The name.</summary>
    public string Name { get; }

    /// <summary>The number of arguments.</summary>
    public int Arity => kinds.Length;

    /// <summary>Whether an argument can be of a type.</summary>
    public bool Takes(int argument, RegoKind kind) => (kinds[argument] >> (int)kind & 1) != 0;

    /// <summary>Whether an argument can be of a value's type.</summary>
    public bool Takes(int argument, RegoValue value) => Takes(argument, value.Kind);

    /// <summary>The node of a call.</summary>
    public Node Call(Node[] arguments) => call(this, arguments);

    private static int Kinds(string types)
        => types.Split('|').Aggregate(0, (mask, type) => mask | (type == "any" ? ~0 : 1 << (int)Enum.Parse<RegoKind>(type, ignoreCase: true)));
}

/// <summary>Collects functions.</summary>
internal sealed class BuiltinTable
{
    /// <summary>The functions by name.</summary>
    public Dictionary<string, Builtin> Functions { get; } = new(StringComparer.Ordinal);

    /// <summary>Adds a function without arguments.</summary>
    public void Add(string name, Func<Evaluation, RegoValue?> body)
        => Functions.Add(name, new Builtin(name, "", (b, _) => new CallNode(b, (e, _) => body(e), [])));

    /// <summary>Adds a function of one argument.</summary>
    public void Add(string name, string arguments, Func<Evaluation, RegoValue, RegoValue?> body)
        => Functions.Add(name, new Builtin(name, arguments, (b, a) => new UnaryNode(b, body, a[0])));

    /// <summary>Adds a function of two arguments.</summary>
    public void Add(string name, string arguments, Func<Evaluation, RegoValue, RegoValue, RegoValue?> body)
        => Functions.Add(name, new Builtin(name, arguments, (b, a) => new BinaryNode(b, body, a[0], a[1])));

    /// <summary>Adds a function of more arguments.</summary>
    public void Add(string name, string arguments, Func<Evaluation, RegoValue[], RegoValue?> body)
        => Functions.Add(name, new Builtin(name, arguments, (b, a) => new CallNode(b, body, a)));
}
