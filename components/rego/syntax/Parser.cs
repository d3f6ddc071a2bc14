namespace DaprK8s.Components.Rego;

/// <summary>
/// Reads a policy: Rego's first version by default, its later keywords where they are imported. One pass with a look ahead of one
/// token, no going back, so its cost is linear in the text; nesting is limited.
/// </summary>
internal sealed partial class Parser
{
    private const int MaxNesting = 300;

    private static readonly HashSet<string> Reserved = ["as", "default", "else", "false", "import", "package", "not", "null", "some", "true", "with"];
    private static readonly string[] FutureKeywords = ["contains", "every", "if", "in"];

    private readonly Token[] tokens;
    private readonly HashSet<string> keywords = [];
    private bool version1;
    private int at;
    private int depth;
    private int wildcards;

    private Parser(string text) => tokens = Lexer.Run(text);

    private Token Current => tokens[at];

    private Token Following => tokens[Math.Min(at + 1, tokens.Length - 1)];

    /// <summary>Reads the text of a policy.</summary>
    /// <exception cref="RegoCompileException">It is none.</exception>
    public static Module Parse(string text) => new Parser(text).Module();

    private static RegoCompileException Error(Location location, string problem) => new(RegoCompileException.Parse, location, problem);

    private Module Module()
    {
        if (!Current.IsWord("package"))
        {
            throw Error(Current.Location, "package expected");
        }

        var location = Current.Location;
        at++;
        var package = PathOfNames("package name");
        List<Import> imports = [];
        List<RuleSyntax> rules = [];
        while (Current.Kind != TokenKind.End)
        {
            if (Current.Is(";"))
            {
                at++;
            }
            else if (!Current.FirstOfLine && !tokens[at - 1].Is(";"))
            {
                throw Unexpected("a new line");
            }
            else if (Current.IsWord("import"))
            {
                Import(imports);
            }
            else
            {
                Rule(rules);
            }
        }

        return new Module(package, location, [.. imports], [.. rules]);
    }

    private void Import(List<Import> imports)
    {
        at++;
        var location = Current.Location;
        var path = PathOfNames("import path");
        string? alias = null;
        if (Current.IsWord("as"))
        {
            at++;
            alias = Name("alias");
        }

        switch (path[0])
        {
            case "future" or "rego" when alias is not null:
                throw Error(location, $"`{path[0]}` imports cannot be aliased");
            case "rego" when path is ["rego", "v1"]:
                version1 = true;
                keywords.UnionWith(FutureKeywords);
                break;
            case "future" when path is ["future", "keywords"]:
                keywords.UnionWith(FutureKeywords);
                break;
            case "future" when path is ["future", "keywords", _] && FutureKeywords.Contains(path[2]):
                keywords.Add(path[2]);
                if (path[2] == "every")
                {
                    keywords.Add("in");
                }

                break;
            case "input" or "data":
                imports.Add(new Import(location, alias ?? path[^1], path[0] == "input" ? RootDocument.Input : RootDocument.Data, path[1..]));
                break;
            default:
                throw Error(location, $"unexpected import path {string.Join('.', path)}: it must begin with input or data, or be rego.v1 or future.keywords");
        }
    }

    /// <summary><c>a.b["c"]</c>: names only.</summary>
    private string[] PathOfNames(string what)
    {
        List<string> path = [Name(what)];
        while (Current.Adjacent)
        {
            if (Current.Is("."))
            {
                at++;
                path.Add(AnyWord(what));
            }
            else if (Current.Is("[") && Following.Kind == TokenKind.String)
            {
                at++;
                path.Add(Current.Text);
                at++;
                Expect("]");
            }
            else
            {
                break;
            }
        }

        return [.. path];
    }

    private bool IsKeyword(string word) => Reserved.Contains(word) || keywords.Contains(word);

    private bool At(string keyword) => Current.IsWord(keyword) && keywords.Contains(keyword);

    private string Name(string what)
    {
        if (Current.Kind != TokenKind.Name || IsKeyword(Current.Text))
        {
            throw Unexpected(what);
        }

        return tokens[at++].Text;
    }

    private string AnyWord(string what) => Current.Kind == TokenKind.Name ? tokens[at++].Text : throw Unexpected(what);

    private void Expect(string symbol)
    {
        if (!Current.Is(symbol))
        {
            throw Unexpected("\"" + symbol + "\"");
        }

        at++;
    }

    private RegoCompileException Unexpected(string expected) => Error(Current.Location, $"unexpected {Current.Shown}, expected {expected}");

    private void Enter()
    {
        if (++depth > MaxNesting)
        {
            throw Error(Current.Location, "nested too deeply");
        }
    }

    private void Leave() => depth--;

    private VarTerm Variable(Location location, string name) => new(location, name == "_" ? "$" + wildcards++ : name);
}
