namespace DaprK8s.Components.Rego;

/// <summary>Rules.</summary>
internal sealed partial class Parser
{
    private static readonly ScalarTerm TrueTerm = new(default, RegoBoolean.True);

    private void Rule(List<RuleSyntax> rules)
    {
        var location = Current.Location;
        var isDefault = Current.IsWord("default");
        if (isDefault)
        {
            at++;
        }

        var (path, arguments, bracketed) = Head();
        Term? member = null, value = null;
        if (At("contains"))
        {
            at++;
            member = Infix();
        }
        else if (Current.Is("=") || Current.Is(":="))
        {
            at++;
            value = Infix();
        }

        if (isDefault)
        {
            Default(rules, location, path, arguments, member, value);
            return;
        }

        var hasIf = At("if");
        var hasBody = hasIf || Current.Is("{");
        if (!hasBody && member is null && value is null && !bracketed)
        {
            throw Error(location, $"a rule needs a value or a body ({Current.Shown} follows its name)");
        }

        // In the first version of the language, p[x] without a value adds x to a set.
        if (member is null && value is null && bracketed && !hasIf && arguments is null)
        {
            if (version1)
            {
                throw Error(location, "`contains` keyword is required for partial set rules");
            }

            member = path[^1];
            path = path[..^1];
        }

        if (version1 && hasBody && !hasIf)
        {
            throw Error(Current.Location, "`if` keyword is required before rule body");
        }

        var form = arguments is not null ? RuleForm.Function : member is not null ? RuleForm.Member : RuleForm.Value;
        if (form == RuleForm.Function && (path.Length > 1 && path.Any(p => p is not ScalarTerm { Value: RegoString }) || member is not null))
        {
            throw Error(location, "a function's name holds no variables and it makes no set");
        }

        List<RuleAlternative> alternatives = [new RuleAlternative(location, member ?? value ?? TrueTerm, hasBody ? RuleBody(hasIf) : [])];
        while (Current.IsWord("else"))
        {
            if (form == RuleForm.Member || path.Any(p => p is not ScalarTerm))
            {
                throw Error(Current.Location, "else keyword cannot be used on a partial rule");
            }

            alternatives.Add(Else());
        }

        rules.Add(new RuleSyntax(location, form, path, arguments ?? [], false, [.. alternatives]));
        while (hasBody && !hasIf && Current.Is("{"))
        {
            if (alternatives.Count > 1)
            {
                throw Error(Current.Location, "expected else keyword");
            }

            var next = new RuleAlternative(Current.Location, alternatives[0].Value, Body());
            rules.Add(new RuleSyntax(next.Location, form, path, arguments ?? [], false, [next]));
        }
    }

    private static void Default(List<RuleSyntax> rules, Location location, Term[] path, Term[]? arguments, Term? member, Term? value)
    {
        if (member is not null || value is null)
        {
            throw Error(location, "a default rule needs a value");
        }

        if (path.Any(p => p is not ScalarTerm { Value: RegoString }))
        {
            throw Error(location, "default rules must not have variables in their name");
        }

        rules.Add(new RuleSyntax(
            location, arguments is null ? RuleForm.Value : RuleForm.Function, path, arguments ?? [], true, [new RuleAlternative(location, value, [])]));
    }

    private (Term[] Path, Term[]? Arguments, bool Bracketed) Head()
    {
        var location = Current.Location;
        List<Term> path = [new ScalarTerm(location, new RegoString(Name("a rule")))];
        var bracketed = false;
        while (Current.Adjacent)
        {
            if (Current.Is("."))
            {
                at++;
                path.Add(new ScalarTerm(Current.Location, new RegoString(AnyWord("a name"))));
                bracketed = false;
            }
            else if (Current.Is("["))
            {
                at++;
                path.Add(Infix());
                Expect("]");
                bracketed = true;
            }
            else if (Current.Is("("))
            {
                at++;
                return ([.. path], Terms(")"), false);
            }
            else
            {
                break;
            }
        }

        return ([.. path], null, bracketed);
    }

    private RuleAlternative Else()
    {
        var location = Current.Location;
        at++;
        Term value = TrueTerm;
        var hasValue = Current.Is("=") || Current.Is(":=");
        if (hasValue)
        {
            at++;
            value = Infix();
        }

        var hasIf = At("if");
        if (!hasIf && !Current.Is("{"))
        {
            return hasValue ? new RuleAlternative(location, value, []) : throw Unexpected("an else value or body");
        }

        if (version1 && !hasIf)
        {
            throw Error(Current.Location, "`if` keyword is required before rule body");
        }

        return new RuleAlternative(location, value, RuleBody(hasIf));
    }

    private Statement[] RuleBody(bool hasIf)
    {
        if (!hasIf)
        {
            return Body();
        }

        at++;
        return Current.Is("{") ? Body() : [Statement()];
    }

    /// <summary>Statements in braces.</summary>
    private Statement[] Body()
    {
        Expect("{");
        return Statements("}");
    }
}
