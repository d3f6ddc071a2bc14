using System.Collections.Concurrent;
using System.Text.RegularExpressions;

namespace DaprK8s.Components.Rego;

/// <summary>
/// Compiled policies. Immutable and safe for use by many at once; what an evaluation writes to is kept for the next one.
/// </summary>
internal sealed class RegoProgram(Document root, int slots, int lists, int documents)
{
    /// <summary>The steps that an evaluation may take unless told otherwise: a fraction of a second.</summary>
    public const long DefaultSteps = 5_000_000;

    private readonly ConcurrentBag<Evaluation> idle = [];

    /// <summary>The variables of all rules.</summary>
    public int SlotCount => slots;

    /// <summary>The collections that are gathered.</summary>
    public int ListCount => lists;

    /// <summary>The places under <c>data</c>.</summary>
    public int DocumentCount => documents;

    /// <summary>The regular expressions and globs that were made while evaluating.</summary>
    public PatternCache Patterns { get; } = new();

    /// <summary>Compiles policies.</summary>
    /// <exception cref="RegoCompileException">A policy cannot be used.</exception>
    public static RegoProgram Compile(params ReadOnlySpan<string> policies) => Compiler.Compile(policies, null);

    /// <summary>The document of a path under <c>data</c>.</summary>
    public Document? Find(params ReadOnlySpan<string> path)
    {
        Document? document = root;
        foreach (var name in path)
        {
            document = document?.Child(name);
        }

        return document;
    }

    /// <summary>Evaluates a document for an input.</summary>
    /// <returns>Its value, or <see langword="null"/> when it is undefined.</returns>
    /// <exception cref="RegoEvaluationException">A rule has two values, or the evaluation became too large.</exception>
    /// <exception cref="OperationCanceledException">It was no longer wanted.</exception>
    public RegoValue? Evaluate(
        Document document, RegoValue? input, TimeProvider? time = null, long steps = DefaultSteps, CancellationToken cancellationToken = default)
    {
        if (!idle.TryTake(out var evaluation))
        {
            evaluation = new Evaluation(this);
        }

        evaluation.Begin(input, steps, time ?? TimeProvider.System, cancellationToken);
        try
        {
            return document.Eval(evaluation);
        }
        catch (InsufficientExecutionStackException)
        {
            throw new RegoEvaluationException(RegoEvaluationException.Limit, default, "the evaluation is nested too deeply");
        }
        catch (RegexMatchTimeoutException)
        {
            throw new RegoEvaluationException(RegoEvaluationException.Limit, default, "a regular expression takes too long");
        }
        finally
        {
            evaluation.End();
            idle.Add(evaluation);
        }
    }
}
