using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using DaprK8s.KubernetesApi.Expressions;

namespace DaprK8s.KubernetesApi.Schemas;

/// <summary>Judges a value by its schema, in the words of the API server.</summary>
internal static class SchemaValidation
{
    /// <summary>All that is wrong with a custom resource.</summary>
    public static IReadOnlyList<string> Problems(JsonObject value, Schema schema, JsonObject? old)
    {
        var problems = new List<string>();
        Judge(value, schema, "", problems);
        // Rules may rely on the types, so they are asked only once these are right.
        if (problems.Count == 0)
        {
            JudgeRules(value, old, schema, "", problems);
        }

        return problems;
    }

    private static void Judge(JsonNode? value, Schema schema, string path, List<string> problems)
    {
        if (value is null)
        {
            if (!schema.Nullable && schema.Type is not null)
            {
                problems.Add($"{path}: Invalid value: \"null\": {path} in body must be of type {schema.Type}: \"null\"");
            }

            return;
        }

        if (!HasType(value, schema))
        {
            var wanted = schema.IntOrString ? "integer,string" : schema.Type;
            problems.Add($"{path}: Invalid value: \"{TypeOf(value)}\": {path} in body must be of type {wanted}: \"{TypeOf(value)}\"");
            return;
        }

        JudgeScalar(value, schema, path, problems);
        foreach (var all in schema.AllOf)
        {
            Judge(value, all, path, problems);
        }

        if (schema.AnyOf.Count > 0 && !schema.AnyOf.Any(s => Passes(value, s, path)))
        {
            problems.Add($"{path}: Invalid value: {Shown(value)}: {path} in body must validate at least one schema (anyOf)");
        }

        if (schema.OneOf.Count > 0 && schema.OneOf.Count(s => Passes(value, s, path)) != 1)
        {
            problems.Add($"{path}: Invalid value: {Shown(value)}: {path} in body must validate one and only one schema (oneOf)");
        }

        if (schema.Not is { } not && Passes(value, not, path))
        {
            problems.Add($"{path}: Invalid value: {Shown(value)}: {path} in body must not validate the schema (not)");
        }

        switch (value)
        {
            case JsonObject o:
                JudgeObject(o, schema, path, problems);
                break;
            case JsonArray a:
                JudgeList(a, schema, path, problems);
                break;
        }
    }

    private static void JudgeObject(JsonObject o, Schema schema, string path, List<string> problems)
    {
        foreach (var name in schema.Required)
        {
            if (!o.ContainsKey(name))
            {
                problems.Add($"{Below(path, name)}: Required value");
            }
        }

        Limit(o.Count, schema.MinProperties, schema.MaxProperties, path, "properties", problems);
        foreach (var (name, member) in o)
        {
            if (schema.Of(name) is { } known && (path.Length > 0 || name != "metadata"))
            {
                Judge(member, known, Below(path, name), problems);
            }
        }
    }

    private static void JudgeList(JsonArray a, Schema schema, string path, List<string> problems)
    {
        Limit(a.Count, schema.MinItems, schema.MaxItems, path, "items", problems);
        var seen = new HashSet<string>();
        for (var i = 0; i < a.Count; i++)
        {
            if (schema.Items is { } items)
            {
                Judge(a[i], items, $"{path}[{i}]", problems);
            }

            var identity = schema.IsSet || schema.UniqueItems ? a[i]?.ToJsonString()
                : schema.MapKeys.Count > 0 && a[i] is JsonObject o ? KeyOf(o, schema.MapKeys)
                : null;
            if (identity is not null && !seen.Add(identity))
            {
                problems.Add($"{path}[{i}]: Duplicate value: {identity}");
            }
        }
    }

    private static void JudgeScalar(JsonNode value, Schema schema, string path, List<string> problems)
    {
        if (schema.Enum is { } allowed && !allowed.Any(e => JsonNode.DeepEquals(e, value)))
        {
            var supported = string.Join(", ", allowed.Select(e => e?.ToJsonString() ?? "null"));
            problems.Add($"{path}: Unsupported value: {value.ToJsonString()}: supported values: {supported}");
        }

        if (value.GetValueKind() == JsonValueKind.String)
        {
            var text = (string)value!;
            var length = text.EnumerateRunes().Count();
            if (schema.MaxLength < length)
            {
                problems.Add($"{path}: Too long: may not be more than {schema.MaxLength} bytes");
            }

            if (schema.MinLength > length)
            {
                problems.Add($"{path}: Invalid value: \"{text}\": {path} in body should be at least {schema.MinLength} chars long");
            }

            if (schema.Pattern is { } pattern && !Regex.IsMatch(text, pattern, RegexOptions.None, TimeSpan.FromSeconds(1)))
            {
                problems.Add($"{path}: Invalid value: \"{text}\": {path} in body should match '{pattern}'");
            }

            if (schema.Format == "date-time" && !DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, out _))
            {
                problems.Add($"{path}: Invalid value: \"{text}\": {path} in body must be of type date-time: \"{text}\"");
            }
        }

        if (value.GetValueKind() == JsonValueKind.Number)
        {
            var number = double.Parse(value.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture);
            if (schema.Minimum is { } minimum && (number < minimum || (schema.ExclusiveMinimum && number <= minimum)))
            {
                var bound = FormattableString.Invariant($"greater than {(schema.ExclusiveMinimum ? "" : "or equal to ")}{minimum}");
                problems.Add($"{path}: Invalid value: {value.ToJsonString()}: {path} in body should be {bound}");
            }

            if (schema.Maximum is { } maximum && (number > maximum || (schema.ExclusiveMaximum && number >= maximum)))
            {
                var bound = FormattableString.Invariant($"less than {(schema.ExclusiveMaximum ? "" : "or equal to ")}{maximum}");
                problems.Add($"{path}: Invalid value: {value.ToJsonString()}: {path} in body should be {bound}");
            }

            if (schema.MultipleOf is { } step && Math.Abs((number / step) - Math.Round(number / step)) > 1e-9)
            {
                problems.Add(FormattableString.Invariant($"{path}: Invalid value: {number}: {path} in body should be a multiple of {step}"));
            }
        }
    }

    private static void JudgeRules(JsonNode? value, JsonNode? old, Schema schema, string path, List<string> problems)
    {
        if (value is null)
        {
            return;
        }

        foreach (var rule in schema.Validations)
        {
            JudgeRule(rule, value, old, path, problems);
        }

        switch (value)
        {
            case JsonObject o:
                foreach (var (name, member) in o)
                {
                    if (schema.Of(name) is { } known)
                    {
                        JudgeRules(member, (old as JsonObject)?[name], known, Below(path, name), problems);
                    }
                }

                break;
            case JsonArray a when schema.Items is { } items:
                for (var i = 0; i < a.Count; i++)
                {
                    JudgeRules(a[i], null, items, $"{path}[{i}]", problems);
                }

                break;
        }
    }

    private static void JudgeRule(ValidationRule rule, JsonNode value, JsonNode? old, string path, List<string> problems)
    {
        var aboutChange = rule.Rule.Contains("oldSelf", StringComparison.Ordinal);
        if (aboutChange && old is null)
        {
            return;
        }

        var variables = new Dictionary<string, JsonNode?> { ["self"] = value };
        if (aboutChange)
        {
            variables["oldSelf"] = old;
        }

        var at = rule.FieldPath is { Length: > 0 } field ? path + field : path;
        string message;
        try
        {
            if (Expression.Evaluate(rule.Rule, variables) is true)
            {
                return;
            }

            message = rule.MessageExpression is { } text && Expression.Evaluate(text, variables) is string told ? told : rule.Message ?? $"failed rule: {rule.Rule}";
        }
        catch (ExpressionException e)
        {
            message = $"rule evaluation error: {e.Message}";
        }

        var head = rule.Reason switch
        {
            "FieldValueForbidden" => "Forbidden",
            "FieldValueRequired" => "Required value",
            "FieldValueDuplicate" => $"Duplicate value: {Shown(value)}",
            _ => $"Invalid value: {Shown(value)}",
        };
        problems.Add($"{(at.Length == 0 ? "<nil>" : at)}: {head}: {message}");
    }

    private static void Limit(int count, long? least, long? most, string path, string what, List<string> problems)
    {
        if (count > most)
        {
            problems.Add($"{path}: Too many: {count}: must have at most {most} {what}");
        }

        if (count < least)
        {
            problems.Add($"{path}: Invalid value: {count}: {path} in body should have at least {least} {what}");
        }
    }

    private static bool Passes(JsonNode value, Schema schema, string path)
    {
        var problems = new List<string>();
        Judge(value, schema, path, problems);
        return problems.Count == 0;
    }

    private static bool HasType(JsonNode value, Schema schema)
    {
        if (schema.IntOrString)
        {
            return TypeOf(value) is "integer" or "string";
        }

        if (schema.Quantity)
        {
            return TypeOf(value) is "integer" or "number" or "string";
        }

        return schema.Type is null || schema.Type == TypeOf(value) || (schema.Type == "number" && TypeOf(value) == "integer");
    }

    private static string TypeOf(JsonNode value) => value.GetValueKind() switch
    {
        JsonValueKind.Object => "object",
        JsonValueKind.Array => "array",
        JsonValueKind.String => "string",
        JsonValueKind.True or JsonValueKind.False => "boolean",
        _ => value.ToJsonString().AsSpan().ContainsAny('.', 'e', 'E') ? "number" : "integer",
    };

    private static string Shown(JsonNode value) => value switch
    {
        JsonObject => "\"object\"",
        JsonArray => "\"array\"",
        _ => value.ToJsonString(),
    };

    private static string Below(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";

    private static string KeyOf(JsonObject item, IReadOnlyList<string> keys)
    {
        var identity = new JsonObject();
        foreach (var key in keys)
        {
            identity[key] = item[key]?.DeepClone();
        }

        return identity.ToJsonString();
    }
}
