using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace DaprK8s.Generator;

/// <summary>What the documentation comments of the models say: the descriptions that <c>kubectl explain</c> shows.</summary>
internal sealed partial class Descriptions
{
    private readonly Dictionary<string, XElement> summaries;

    private Descriptions(Dictionary<string, XElement> summaries) => this.summaries = summaries;

    /// <summary>Reads the documentation file beside an assembly.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    public static Descriptions Load(Assembly assembly)
        => new(XDocument.Load(Path.ChangeExtension(assembly.Location, ".xml")).Descendants("member")
            .Where(m => m.Element("summary") is not null)
            .ToDictionary(m => m.Attribute("name")!.Value, m => m.Element("summary")!));

    /// <summary>The description of a kind.</summary>
    public string Of(Type type) => Find($"T:{type.FullName}");

    /// <summary>The description of a field.</summary>
    public string Of(PropertyInfo property) => Find($"P:{property.DeclaringType!.FullName}.{property.Name}");

    private string Find(string member)
        => summaries.TryGetValue(member, out var summary)
            ? Spaces().Replace(string.Concat(summary.Nodes().Select(Text)), " ").Trim()
            : throw new InvalidOperationException($"{member} has no summary; the schema needs a description");

    private static string Text(XNode node)
        => node switch
        {
            XText text => text.Value,
            XElement { Name.LocalName: "c" } code => code.Value,
            XElement { Name.LocalName: "see" } see => JsonNamingPolicy.CamelCase.ConvertName(see.Attribute("cref")!.Value.Split('.')[^1]),
            _ => throw new InvalidOperationException($"a description can't hold {node}"),
        };

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
