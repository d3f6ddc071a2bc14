using System.Runtime.CompilerServices;

namespace DaprK8s.Components.Rego;

/// <summary>
/// Everything that one evaluation writes to. It is made for one program, used by one evaluation at a time and then again by later
/// ones. No rule can be under way twice (recursion is refused), so each variable of the program has one fixed slot.
/// </summary>
internal sealed class Evaluation
{
    private const int StepsBetweenLooks = 1024;

    private readonly DocumentScope root;
    private long stepsLeft;
    private int untilLook;
    private CancellationToken cancellation;
    private Dictionary<string, RegoString>? identifiers;

    /// <summary>Makes room for a program.</summary>
    public Evaluation(RegoProgram program)
    {
        Program = program;
        Slots = new RegoValue?[program.SlotCount];
        Lists = new List<RegoValue>?[program.ListCount];
        root = new DocumentScope(program.DocumentCount, null);
        Scope = root;
    }

    /// <summary>The program.</summary>
    public RegoProgram Program { get; }

    /// <summary>The value of each variable.</summary>
    public RegoValue?[] Slots { get; }

    /// <summary>What comprehensions and partial rules have collected.</summary>
    public List<RegoValue>?[] Lists { get; }

    /// <summary>The documents as they are now.</summary>
    public DocumentScope Scope { get; set; }

    /// <summary>The time of the evaluation: the same however often it is asked for.</summary>
    public DateTimeOffset Now { get; private set; }

    /// <summary>Begins an evaluation.</summary>
    public void Begin(RegoValue? input, long steps, TimeProvider time, CancellationToken cancellationToken)
    {
        Scope = root;
        root.Input = input;
        stepsLeft = steps;
        untilLook = StepsBetweenLooks;
        cancellation = cancellationToken;
        Now = time.GetUtcNow();
    }

    /// <summary>Lets go of all values, so that this can wait for its next use.</summary>
    public void End()
    {
        Scope = root;
        root.Clear();
        Array.Clear(Slots);
        identifiers = null;
        foreach (var list in Lists)
        {
            list?.Clear();
            if (list?.Capacity > 1024)
            {
                list.Capacity = 0;
            }
        }
    }

    /// <summary>Counts work, and sees to it that the stack suffices for what follows.</summary>
    /// <param name="steps">How much, in units of one simple step.</param>
    /// <exception cref="RegoEvaluationException">It was too much.</exception>
    public void Spend(long steps = 1)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        stepsLeft -= steps;
        untilLook -= (int)Math.Min(steps, StepsBetweenLooks);
        if (stepsLeft < 0)
        {
            throw new RegoEvaluationException(RegoEvaluationException.Limit, default, "the evaluation takes too many steps");
        }

        if (untilLook <= 0)
        {
            untilLook = StepsBetweenLooks;
            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>A random identifier: the same for the same key during an evaluation.</summary>
    public RegoString Identifier(string key)
    {
        identifiers ??= new Dictionary<string, RegoString>(StringComparer.Ordinal);
        if (!identifiers.TryGetValue(key, out var identifier))
        {
            identifiers[key] = identifier = new RegoString(Guid.NewGuid().ToString());
        }

        return identifier;
    }

    /// <summary>An empty list of the program.</summary>
    public List<RegoValue> List(int index)
    {
        var list = Lists[index] ??= [];
        list.Clear();
        return list;
    }
}

/// <summary>The documents during an evaluation; <c>with</c> puts another one in front for as long as it lasts.</summary>
internal sealed class DocumentScope(int documents, DocumentScope? outer)
{
    private readonly RegoValue?[] values = new RegoValue?[documents];
    private readonly State[] states = new State[documents];

    private enum State : byte
    {
        Open,
        Known,
        Replaced,
    }

    /// <summary>The scope around it.</summary>
    public DocumentScope? Outer { get; } = outer;

    /// <summary>The input; <see langword="null"/> when there is none.</summary>
    public RegoValue? Input { get; set; }

    /// <summary>Whether any document of <c>data</c> is replaced.</summary>
    public bool HasReplacements { get; private set; }

    /// <summary>Makes a scope that differs in something from this one, where nothing computed counts any more.</summary>
    public DocumentScope Enter()
    {
        var inner = new DocumentScope(values.Length, this) { Input = Input, HasReplacements = HasReplacements };
        if (HasReplacements)
        {
            for (var i = 0; i < values.Length; i++)
            {
                if (states[i] == State.Replaced)
                {
                    inner.Replace(i, values[i]);
                }
            }
        }

        return inner;
    }

    /// <summary>Puts a value in the place of a document.</summary>
    public void Replace(int document, RegoValue? value)
    {
        values[document] = value;
        states[document] = State.Replaced;
        HasReplacements = true;
    }

    /// <summary>Takes a replacement back.</summary>
    public void Reopen(int document)
    {
        values[document] = null;
        states[document] = State.Open;
    }

    /// <summary>Whether a document was replaced.</summary>
    public bool IsReplaced(int document) => states[document] == State.Replaced;

    /// <summary>The document's value, if it was computed or replaced.</summary>
    public bool TryGet(int document, out RegoValue? value)
    {
        value = values[document];
        return states[document] != State.Open;
    }

    /// <summary>Remembers a computed document.</summary>
    public void Remember(int document, RegoValue? value)
    {
        values[document] = value;
        states[document] = State.Known;
    }

    /// <summary>Forgets all.</summary>
    public void Clear()
    {
        Input = null;
        Array.Clear(values);
        Array.Clear(states);
    }
}
