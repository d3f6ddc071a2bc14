using System.Collections.Concurrent;
using System.Text.RegularExpressions;

namespace DaprK8s.Components.Rego;

/// <summary>A regular expression, and the names of its groups by number.</summary>
/// <param name="Regex">The expression.</param>
/// <param name="Names">The names; empty ones have none.</param>
internal sealed record CompiledPattern(Regex Regex, string[] Names);

/// <summary>Regular expressions that a program has used; those made of the input can't crowd out memory.</summary>
internal sealed class PatternCache
{
    private const int MaxCount = 128;
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, CompiledPattern> patterns = new(StringComparer.Ordinal);
    private int count;

    /// <summary>A regular expression in the reference's syntax; <see langword="null"/> when it is none.</summary>
    public CompiledPattern? Regex(string pattern)
        => Find("r" + pattern, () => Re2Syntax.TryTranslate(pattern, out var translated, out var names) ? Make(translated, names) : null);

    /// <summary>A pattern that is given as one of .NET.</summary>
    /// <param name="key">What tells it from others; not starting with <c>r</c>.</param>
    /// <param name="make">Yields the pattern, or <see langword="null"/>.</param>
    public CompiledPattern? Other(string key, Func<string?> make) => Find(key, () => make() is { } pattern ? Make(pattern, [""]) : null);

    private static CompiledPattern? Make(string pattern, string[] names)
    {
        try
        {
            return new CompiledPattern(new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant, Timeout), names);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            return null;
        }
    }

    private CompiledPattern? Find(string key, Func<CompiledPattern?> make)
    {
        if (patterns.TryGetValue(key, out var known))
        {
            return known;
        }

        var made = make();
        if (made is not null && Volatile.Read(ref count) < MaxCount && patterns.TryAdd(key, made))
        {
            Interlocked.Increment(ref count);
        }

        return made;
    }
}
