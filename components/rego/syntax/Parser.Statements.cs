namespace DaprK8s.Components.Rego;

/// <summary>Statements.</summary>
internal sealed partial class Parser
{
    /// <summary>Statements up to a closing bracket, which is taken too.</summary>
    private Statement[] Statements(string end)
    {
        Enter();
        List<Statement> statements = [];
        while (true)
        {
            statements.Add(Statement());
            var separated = Current.FirstOfLine;
            while (Current.Is(";"))
            {
                at++;
                separated = true;
            }

            if (Current.Is(end))
            {
                at++;
                Leave();
                return [.. statements];
            }

            if (!separated)
            {
                throw Unexpected($"\";\", a new line or \"{end}\"");
            }
        }
    }

    private Statement Statement()
    {
        var location = Current.Location;
        if (Current.IsWord("some"))
        {
            return Some(location);
        }

        if (At("every"))
        {
            return Every(location);
        }

        var negated = Current.IsWord("not");
        if (negated)
        {
            at++;
        }

        if (negated && (Current.IsWord("some") || Current.IsWord("not") || At("every")))
        {
            throw Error(Current.Location, $"{Current.Shown} cannot be negated");
        }

        var term = InfixOrPair();
        if (Current.Is("=") || Current.Is(":="))
        {
            var declares = Current.Is(":=");
            if (declares && negated)
            {
                throw Error(Current.Location, "a negated statement cannot declare variables");
            }

            at++;
            var right = InfixOrPair();
            return new UnifyStatement(location, term, right, declares) { Negated = negated, With = Modifiers() };
        }

        return new TermStatement(location, term) { Negated = negated, With = Modifiers() };
    }

    private Statement Some(Location location)
    {
        at++;
        List<Term> terms = [Infix(Precedence.Relation)];
        while (Current.Is(","))
        {
            at++;
            terms.Add(Infix(Precedence.Relation));
        }

        if (At("in"))
        {
            at++;
            if (terms.Count > 2)
            {
                throw Error(location, "some ... in takes a key and a value at most");
            }

            return new SomeInStatement(location, terms.Count == 2 ? terms[0] : null, terms[^1], Infix(Precedence.Relation)) { With = Modifiers() };
        }

        var names = new string[terms.Count];
        for (var i = 0; i < names.Length; i++)
        {
            names[i] = terms[i] is VarTerm { IsWildcard: false } variable ? variable.Name : throw Error(terms[i].Location, "a variable name expected");
        }

        return new SomeStatement(location, names);
    }

    private EveryStatement Every(Location location)
    {
        at++;
        VarTerm? key = null;
        var value = Variable(Current.Location, Name("a variable name"));
        if (Current.Is(","))
        {
            at++;
            key = value;
            value = Variable(Current.Location, Name("a variable name"));
        }

        if (!At("in"))
        {
            throw Unexpected("\"in\"");
        }

        at++;
        var domain = Infix(Precedence.Relation);
        return new EveryStatement(location, key, value, domain, Body()) { With = Modifiers() };
    }

    private Modifier[] Modifiers()
    {
        List<Modifier> modifiers = [];
        while (Current.IsWord("with"))
        {
            at++;
            var target = Factor();
            if (!Current.IsWord("as"))
            {
                throw Unexpected("\"as\"");
            }

            at++;
            modifiers.Add(new Modifier(target, Infix()));
        }

        return [.. modifiers];
    }
}
