using System.IO.Enumeration;
using DaprK8s.Common.Resources;
using DaprK8s.Common.Text;

namespace DaprK8s.Operator.Validation;

/// <summary>Judges Components: type, version, and every metadata field against what the provider says of itself.</summary>
/// <param name="catalogue">The component types that there are.</param>
/// <param name="allowedTypes">Types that are taken unseen: names, with <c>*</c> for any characters, or what they begin with, up to a dot.</param>
/// <param name="secrets">Looks for the secrets referred to.</param>
internal sealed class ComponentRules(ComponentCatalogue catalogue, IReadOnlyList<string> allowedTypes, SecretRules secrets)
{
    private const string PluggableAnnotation = "dapr.io/component-container";
    private static readonly string[] Templates = ["{uuid}", "{podName}", "{namespace}", "{appID}"];

    /// <summary>Adds what is found in a component.</summary>
    public async ValueTask CheckAsync(Component component, string @namespace, Findings findings, CancellationToken cancellationToken)
    {
        var spec = component.Spec;
        var items = spec.Metadata ?? [];
        CheckTimeout(spec.InitTimeout, findings);
        CheckNames(items, findings);
        if (FindProvider(component, findings) is { Fields: { } fields })
        {
            CheckFields(spec.Type, fields, items, findings);
        }

        var store = component.Auth?.SecretStore;
        if (items.Exists(i => SecretRules.HasReference(i.SecretKeyRef)))
        {
            secrets.CheckStore(@namespace, store, "auth.secretStore", findings);
        }

        await secrets.CheckPairsAsync(@namespace, store, items, "spec.metadata", findings, cancellationToken);
    }

    private static void CheckTimeout(string? timeout, Findings findings)
    {
        if (string.IsNullOrEmpty(timeout))
        {
            return;
        }

        if (!GoDuration.TryParse(timeout, out var duration))
        {
            findings.Refuse("spec.initTimeout", $"{GoQuote.Quote(timeout)} is no duration; write one such as 30s or 1m");
        }
        else if (duration <= TimeSpan.Zero)
        {
            findings.Warn("spec.initTimeout", "is not above zero, so the default of 5s holds");
        }
    }

    private static void CheckNames(List<NameValuePair> items, Findings findings)
    {
        var seen = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase);
        foreach (var (index, item) in items.Index())
        {
            if (item.Name.Length == 0)
            {
                findings.Refuse($"spec.metadata[{index}].name", "must not be empty");
            }
            else if (!seen.TryAdd(item.Name, index))
            {
                findings.Refuse(
                    SecretRules.Place("spec.metadata", index, item.Name, ".name"),
                    $"is given twice, as spec.metadata[{seen[item.Name]}] has the same name (case does not count); remove one");
            }
        }
    }

    private CatalogueEntry? FindProvider(Component component, Findings findings)
    {
        var spec = component.Spec;
        var versions = catalogue.Find(spec.Type);
        if (versions.Count == 0)
        {
            if (!IsTakenUnseen(component))
            {
                findings.Refuse("spec.type", DescribeUnknownType(spec.Type));
            }

            return null;
        }

        var wanted = spec.Version.ToLowerInvariant();
        var entry = wanted.Length == 0
            ? versions[0]
            : versions.FirstOrDefault(v => v.Version == (wanted == "v0" ? "v1" : wanted));
        if (entry is null)
        {
            findings.Refuse(
                "spec.version",
                $"{spec.Type} has no version {GoQuote.Quote(spec.Version)}; use {string.Join(" or ", versions.Select(v => v.Version))}");
        }
        else if (entry.Fields is null)
        {
            findings.Warn("spec.type", $"{spec.Type}/{entry.Version} is known to Dapr but not to sidecars of this version, which can't load it");
        }

        return entry;
    }

    private bool IsTakenUnseen(Component component)
        => component.Metadata.Annotations?.ContainsKey(PluggableAnnotation) == true
            || allowedTypes.Any(pattern => FileSystemName.MatchesSimpleExpression(
                pattern.EndsWith('.') ? pattern + "*" : pattern, component.Spec.Type, ignoreCase: true));

    private string DescribeUnknownType(string type)
    {
        if (type.Length == 0)
        {
            return "must not be empty; give a component type such as state.redis";
        }

        var category = type.Split('.')[0];
        if (category == "nameresolution")
        {
            return $"{GoQuote.Quote(type)} can't be a Component; name resolution is chosen by spec.nameResolution of the Configuration";
        }

        var nearest = Suggestion.For(type, catalogue.Types);
        if (nearest.Length == 0 && !ComponentCatalogue.Categories.Contains(category, StringComparer.Ordinal))
        {
            return $"there is no component type {GoQuote.Quote(type)}: {GoQuote.Quote(category)} is no building block, types begin with "
                + string.Join(", ", ComponentCatalogue.Categories);
        }

        return $"there is no component type {GoQuote.Quote(type)}{(nearest.Length == 0 ? "." : nearest)} A pluggable component needs the annotation "
            + $"{PluggableAnnotation}, or its type in the chart's value dapr_operator.validation.allowedTypes";
    }

    private static void CheckFields(string type, CatalogueField[] fields, List<NameValuePair> items, Findings findings)
    {
        var names = new Dictionary<string, CatalogueField>(StringComparer.OrdinalIgnoreCase);
        foreach (var field in fields)
        {
            names.TryAdd(field.Name, field);
            foreach (var alias in field.Aliases)
            {
                names.TryAdd(alias, field);
            }
        }

        foreach (var field in fields.Where(f => f.Required && !items.Exists(i => IsGiven(i) && IsNamed(f, i.Name))))
        {
            findings.Refuse("spec.metadata", $"{type} needs the field {field.Name}; add an item with that name and a value");
        }

        var common = ComponentCatalogue.CommonFields(type.Split('.')[0].ToLowerInvariant());
        foreach (var (index, item) in items.Index().Where(i => i.Item.Name.Length > 0))
        {
            if (!names.TryGetValue(item.Name, out var field))
            {
                if (!common.Contains(item.Name, StringComparer.OrdinalIgnoreCase))
                {
                    var hint = Suggestion.For(item.Name, names.Keys.Concat(common));
                    findings.Warn(SecretRules.Place("spec.metadata", index, item.Name, ".name"), $"{type} has no such field, it is ignored{hint}");
                }
            }
            else if (IsPlain(item) && field.Check(item.Value!) is { } problem)
            {
                findings.Refuse(SecretRules.Place("spec.metadata", index, item.Name, ".value"), problem);
            }
        }
    }

    private static bool IsNamed(CatalogueField field, string name)
        => field.Name.Equals(name, StringComparison.OrdinalIgnoreCase) || field.Aliases.Contains(name, StringComparer.OrdinalIgnoreCase);

    private static bool IsGiven(NameValuePair item)
        => !string.IsNullOrEmpty(item.Value) || !string.IsNullOrEmpty(item.EnvRef) || SecretRules.HasReference(item.SecretKeyRef);

    // What comes from elsewhere, or is filled in by the sidecar, is not known here.
    private static bool IsPlain(NameValuePair item)
        => !string.IsNullOrEmpty(item.Value) && !SecretRules.HasReference(item.SecretKeyRef)
            && !Templates.Any(t => item.Value.Contains(t, StringComparison.Ordinal));
}
