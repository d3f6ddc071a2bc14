namespace DaprK8s.Injector.Admission;

/// <summary>A pattern for service accounts, <c>namespace:name</c>.</summary>
/// <param name="Namespace">The pattern for the namespace.</param>
/// <param name="Name">The pattern for the name.</param>
internal sealed record CallerRule(ShellPattern Namespace, ShellPattern Name)
{
    /// <summary>The texts of the rules in a comma-separated list.</summary>
    public static IEnumerable<string> Split(string list) => list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Reads a rule.</summary>
    /// <exception cref="FormatException">It is none; the message is the contract's (k8s 3.4).</exception>
    public static CallerRule Parse(string text)
    {
        var parts = text.Split(':', StringSplitOptions.TrimEntries);
        if (parts.Length != 2)
        {
            throw new FormatException($"invalid pattern \"{text}\", must contain exactly one ':' separating namespace and name");
        }

        if (parts is ["", ""])
        {
            throw new FormatException("namespace and name patterns cannot both be empty");
        }

        return new CallerRule(Compile(parts[0], "namespace"), Compile(parts[1], "service account"));
    }

    /// <summary>Whether a service account is meant.</summary>
    public bool IsMatch(ReadOnlySpan<char> @namespace, ReadOnlySpan<char> name) => Namespace.IsMatch(@namespace) && Name.IsMatch(name);

    private static ShellPattern Compile(string pattern, string what)
    {
        try
        {
            return new ShellPattern(pattern);
        }
        catch (FormatException e)
        {
            throw new FormatException($"invalid {what} pattern \"{pattern}\": {e.Message}");
        }
    }
}
