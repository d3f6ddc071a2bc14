namespace DaprK8s.Components.Rego;

/// <summary>The text of one policy, read.</summary>
/// <param name="Package">The package's name, in parts.</param>
/// <param name="PackageLocation">Where it is named.</param>
/// <param name="Imports">Documents that have a short name.</param>
/// <param name="Rules">The rules, in the order of the text.</param>
internal sealed record Module(string[] Package, Location PackageLocation, Import[] Imports, RuleSyntax[] Rules);

/// <summary>A short name for a document.</summary>
/// <param name="Location">Where it stands.</param>
/// <param name="Alias">The short name.</param>
/// <param name="Root">The document.</param>
/// <param name="Path">The path within it.</param>
internal sealed record Import(Location Location, string Alias, RootDocument Root, string[] Path);

/// <summary>What a rule makes.</summary>
internal enum RuleForm
{
    /// <summary>One value.</summary>
    Value,

    /// <summary>A function of arguments.</summary>
    Function,

    /// <summary>Members of a set.</summary>
    Member,
}

/// <summary>One rule: a head and the alternatives of its body.</summary>
/// <param name="Location">Where it starts.</param>
/// <param name="Form">What it makes.</param>
/// <param name="Path">The rule's name and the parts that follow it, the first one being the name as a text.</param>
/// <param name="Arguments">The arguments' patterns, for a function.</param>
/// <param name="IsDefault">Whether its value counts only where no other rule has one.</param>
/// <param name="Alternatives">The body with its value, then each <c>else</c>.</param>
internal sealed record RuleSyntax(
    Location Location, RuleForm Form, Term[] Path, Term[] Arguments, bool IsDefault, RuleAlternative[] Alternatives)
{
    /// <summary>The name as written, for messages.</summary>
    public string Name => string.Join('.', Path.TakeWhile(p => p is ScalarTerm { Value: RegoString }).Select(p => ((RegoString)((ScalarTerm)p).Value).Value));
}

/// <summary>A body and the value it gives.</summary>
/// <param name="Location">Where it starts.</param>
/// <param name="Value">The value, or the member of the set.</param>
/// <param name="Body">The condition; empty when there is none.</param>
internal sealed record RuleAlternative(Location Location, Term Value, Statement[] Body);
