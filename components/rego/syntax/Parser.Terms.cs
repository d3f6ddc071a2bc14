namespace DaprK8s.Components.Rego;

/// <summary>Terms.</summary>
internal sealed partial class Parser
{
    private enum Precedence
    {
        Membership,
        Relation,
        Union,
        Intersection,
        Sum,
        Product,
        None,
    }

    private static (Precedence Precedence, string Function) Operator(Token token) => token switch
    {
        { Kind: not TokenKind.Symbol } => (Precedence.None, ""),
        _ => OperatorOf(token.Text),
    };

    private static (Precedence Precedence, string Function) OperatorOf(string symbol) => symbol switch
    {
        "==" => (Precedence.Relation, "equal"),
        "!=" => (Precedence.Relation, "neq"),
        "<" => (Precedence.Relation, "lt"),
        "<=" => (Precedence.Relation, "lte"),
        ">" => (Precedence.Relation, "gt"),
        ">=" => (Precedence.Relation, "gte"),
        "|" => (Precedence.Union, "or"),
        "&" => (Precedence.Intersection, "and"),
        "+" => (Precedence.Sum, "plus"),
        "-" => (Precedence.Sum, "minus"),
        "*" => (Precedence.Product, "mul"),
        "/" => (Precedence.Product, "div"),
        "%" => (Precedence.Product, "rem"),
        _ => (Precedence.None, ""),
    };

    /// <summary>A term, or <c>key, value in collection</c>, which has a comma in it and so can't stand in a list.</summary>
    private Term InfixOrPair()
    {
        var left = Infix();
        if (!Current.Is(",") || !keywords.Contains("in"))
        {
            return left;
        }

        at++;
        var value = Infix(Precedence.Relation);
        if (!At("in"))
        {
            throw Unexpected("\"in\"");
        }

        at++;
        return InfixAfter(new CallTerm(left.Location, ["internal", "member_3"], [left, value, Infix(Precedence.Relation)]), Precedence.Membership);
    }

    /// <summary>A term with operators of at least a precedence.</summary>
    private Term Infix(Precedence lowest = Precedence.Membership) => InfixAfter(Factor(), lowest);

    private Term InfixAfter(Term left, Precedence lowest)
    {
        Enter();
        var chained = 0;
        while (true)
        {
            var (precedence, function) = At("in") ? (Precedence.Membership, "internal.member_2") : Operator(Current);
            if (precedence == Precedence.None || precedence < lowest)
            {
                Leave();
                return left;
            }

            if (++chained > MaxNesting)
            {
                throw Error(Current.Location, "too many operators in a row");
            }

            var location = Current.Location;
            at++;
            left = new CallTerm(location, function.Split('.'), [left, Infix(precedence + 1)]);
        }
    }

    private Term Factor()
    {
        Enter();
        var token = Current;
        Term term;
        switch (token.Kind)
        {
            case TokenKind.Name:
                term = Word(token);
                break;
            case TokenKind.Number:
                at++;
                RegoNumber.TryParse(token.Text, out var number);
                Leave();
                return new ScalarTerm(token.Location, number);
            case TokenKind.String:
                at++;
                Leave();
                return new ScalarTerm(token.Location, new RegoString(token.Text));
            default:
                switch (token.Text)
                {
                    case "-" when Following.Kind == TokenKind.Number:
                        at += 2;
                        RegoNumber.TryParse("-" + tokens[at - 1].Text, out var negative);
                        Leave();
                        return new ScalarTerm(token.Location, negative);
                    case "(":
                        at++;
                        term = InfixOrPair();
                        Expect(")");
                        Leave();
                        return term;
                    case "[":
                        at++;
                        term = Array(token.Location);
                        break;
                    case "{":
                        at++;
                        term = Braces(token.Location);
                        break;
                    default:
                        throw Unexpected("a term");
                }

                break;
        }

        term = Suffixes(term);
        Leave();
        return term;
    }

    private Term Word(Token token)
    {
        switch (token.Text)
        {
            case "true":
                at++;
                return new ScalarTerm(token.Location, RegoBoolean.True);
            case "false":
                at++;
                return new ScalarTerm(token.Location, RegoBoolean.False);
            case "null":
                at++;
                return new ScalarTerm(token.Location, RegoNull.Instance);
            case "set" when Following.Is("(") && Following.Adjacent && tokens[at + 2].Is(")"):
                at += 3;
                return new SetTerm(token.Location, []);
        }

        // "contains" is a keyword in a rule's head only: the built-in function of that name stays callable.
        if (IsKeyword(token.Text) && !(token.Text == "contains" && Following is { Adjacent: true } && Following.Is("(")))
        {
            throw Unexpected("a term");
        }

        at++;
        return Variable(token.Location, token.Text);
    }

    /// <summary>Look-ups and calls right after a term.</summary>
    private Term Suffixes(Term term)
    {
        if (term is ScalarTerm)
        {
            return term;
        }

        List<Term> parts = [];
        while (Current.Adjacent)
        {
            if (Current.Is("."))
            {
                at++;
                parts.Add(new ScalarTerm(Current.Location, new RegoString(AnyWord("a name"))));
            }
            else if (Current.Is("["))
            {
                at++;
                parts.Add(Infix());
                Expect("]");
            }
            else if (Current.Is("(") && term is VarTerm { IsWildcard: false } head)
            {
                at++;
                term = new CallTerm(term.Location, FunctionName(head, parts), Terms(")"));
                parts = [];
            }
            else
            {
                break;
            }
        }

        return parts.Count == 0 ? term : new RefTerm(term.Location, term, [.. parts]);
    }

    private static string[] FunctionName(VarTerm head, List<Term> parts)
    {
        var name = parts.Select(p => p is ScalarTerm { Value: RegoString part }
            ? part.Value
            : throw Error(p.Location, "a function's name must not hold variables"));
        return [head.Name, .. name];
    }

    /// <summary>Terms between commas up to a closing bracket, which is taken too.</summary>
    private Term[] Terms(string end)
    {
        List<Term> terms = [];
        while (!Current.Is(end))
        {
            terms.Add(Infix());
            if (!Current.Is(end))
            {
                Expect(",");
            }
        }

        at++;
        return [.. terms];
    }

    private Term Array(Location location)
    {
        if (Current.Is("]"))
        {
            at++;
            return new ArrayTerm(location, []);
        }

        var first = Factor();
        if (Current.Is("|"))
        {
            at++;
            return new ComprehensionTerm(location, RegoKind.Array, null, first, Statements("]"));
        }

        return new ArrayTerm(location, [InfixAfter(first, Precedence.Membership), .. Rest("]")]);
    }

    private Term Braces(Location location)
    {
        if (Current.Is("}"))
        {
            at++;
            return new ObjectTerm(location, []);
        }

        var first = Factor();
        if (Current.Is("|"))
        {
            at++;
            return new ComprehensionTerm(location, RegoKind.Set, null, first, Statements("}"));
        }

        first = InfixAfter(first, Precedence.Membership);
        return Current.Is(":") ? Object(location, first) : new SetTerm(location, [first, .. Rest("}")]);
    }

    private Term Object(Location location, Term key)
    {
        Expect(":");
        var value = Factor();
        if (Current.Is("|"))
        {
            at++;
            return new ComprehensionTerm(location, RegoKind.Object, key, value, Statements("}"));
        }

        List<KeyValuePair<Term, Term>> pairs = [new(key, InfixAfter(value, Precedence.Membership))];
        while (!Current.Is("}"))
        {
            Expect(",");
            if (Current.Is("}"))
            {
                break;
            }

            key = Infix();
            Expect(":");
            pairs.Add(new(key, Infix()));
        }

        at++;
        return new ObjectTerm(location, [.. pairs]);
    }

    private Term[] Rest(string end)
    {
        if (!Current.Is(end))
        {
            Expect(",");
        }

        return Terms(end);
    }
}
