namespace DaprK8s.Common.Text.Cel;

/// <summary>
/// Tells whether a text is an expression of the Common Expression Language, without evaluating it, and which variables it uses
/// (<see href="https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax"/>).
/// </summary>
public sealed class CelSyntax
{
    private static readonly string[][] Levels =
    [
        ["||"], ["&&"], ["<", "<=", ">", ">=", "==", "!=", "in"], ["+", "-"], ["*", "/", "%"],
    ];

    private static readonly string[] Reserved =
    [
        "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package", "namespace", "return",
        "var", "void", "while", "in",
    ];

    private const int MaxDepth = 100;
    private readonly List<CelToken> tokens = [];
    private readonly List<string> bound = [];
    private readonly HashSet<string> variables = new(StringComparer.Ordinal);
    private int next;
    private int depth;

    private CelSyntax()
    {
    }

    /// <summary>What is wrong and where, or <see langword="null"/> for an expression.</summary>
    public string? Error { get; private set; }

    /// <summary>The variables that the expression reads, but for those that it binds itself.</summary>
    public IReadOnlySet<string> Variables => variables;

    private CelToken Current => tokens[next];

    /// <summary>Checks a text.</summary>
    public static CelSyntax Check(string expression)
    {
        var syntax = new CelSyntax();
        try
        {
            var lexer = new CelLexer(expression);
            do
            {
                syntax.tokens.Add(lexer.Next());
            }
            while (syntax.tokens[^1].Kind != CelTokenKind.End);

            syntax.Expression();
            if (syntax.Current.Kind != CelTokenKind.End)
            {
                throw syntax.Unexpected("an operator or the end");
            }
        }
        catch (FormatException e)
        {
            syntax.Error = e.Message;
        }

        return syntax;
    }

    private void Expression()
    {
        if (++depth > MaxDepth)
        {
            throw new FormatException($"the expression is nested more than {MaxDepth} deep");
        }

        Binary(0);
        if (Take("?"))
        {
            Binary(0);
            Expect(":");
            Expression();
        }

        depth--;
    }

    private void Binary(int level)
    {
        if (level == Levels.Length)
        {
            Unary();
            return;
        }

        do
        {
            Binary(level + 1);
        }
        while (TakeAny(Levels[level]));
    }

    private void Unary()
    {
        while (Take("!") || Take("-"))
        {
        }

        Primary();
        while (true)
        {
            if (Take("."))
            {
                var name = Identifier();
                if (Take("("))
                {
                    Arguments(name, isMember: true);
                }
            }
            else if (Take("["))
            {
                Expression();
                Expect("]");
            }
            else
            {
                return;
            }
        }
    }

    private void Primary()
    {
        if (Current.Kind == CelTokenKind.Literal)
        {
            next++;
        }
        else if (Take("("))
        {
            Expression();
            Expect(")");
        }
        else if (Take("["))
        {
            List("]", Expression);
        }
        else if (Take("{"))
        {
            List("}", () =>
            {
                Expression();
                Expect(":");
                Expression();
            });
        }
        else
        {
            Take(".");
            var name = Identifier();
            if (Take("("))
            {
                Arguments(name, isMember: false);
            }
            else if (!bound.Contains(name))
            {
                variables.Add(name);
            }
        }
    }

    // The macros all, exists, exists_one, map and filter bind their first argument in the others.
    private void Arguments(string function, bool isMember)
    {
        var binds = isMember && function is "all" or "exists" or "exists_one" or "map" or "filter"
            && Current.Kind == CelTokenKind.Identifier && tokens[next + 1].Text == ",";
        if (!binds)
        {
            List(")", Expression);
            return;
        }

        bound.Add(Identifier());
        Expect(",");
        List(")", Expression);
        bound.RemoveAt(bound.Count - 1);
    }

    private void List(string end, Action item)
    {
        while (!Take(end))
        {
            item();
            if (!Take(","))
            {
                Expect(end);
                return;
            }
        }
    }

    private string Identifier()
    {
        if (Current.Kind != CelTokenKind.Identifier)
        {
            throw Unexpected("a value");
        }

        if (Reserved.Contains(Current.Text, StringComparer.Ordinal))
        {
            throw new FormatException($"\"{Current.Text}\" at position {Current.Position + 1} is a reserved word");
        }

        return tokens[next++].Text;
    }

    private bool Take(string word)
    {
        if (Current.Kind is CelTokenKind.Operator or CelTokenKind.Identifier && Current.Text == word)
        {
            next++;
            return true;
        }

        return false;
    }

    private bool TakeAny(string[] words)
    {
        foreach (var word in words)
        {
            if (Take(word))
            {
                return true;
            }
        }

        return false;
    }

    private void Expect(string word)
    {
        if (!Take(word))
        {
            throw Unexpected($"\"{word}\"");
        }
    }

    private FormatException Unexpected(string expected)
        => new(Current.Kind == CelTokenKind.End
            ? $"the expression ends where {expected} should be"
            : $"unexpected \"{Current.Text}\" at position {Current.Position + 1} where {expected} should be");
}
