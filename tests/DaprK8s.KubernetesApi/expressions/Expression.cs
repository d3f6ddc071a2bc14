using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cel;

namespace DaprK8s.KubernetesApi.Expressions;

/// <summary>Expressions of the Common Expression Language, as validation rules and match conditions have them.</summary>
internal static class Expression
{
    private static readonly CelEnvironment Environment = Create();
    private static readonly ConcurrentDictionary<string, CelProgramDelegate> Programs = new();

    /// <summary>Evaluates an expression.</summary>
    /// <exception cref="ExpressionException">It can't be parsed, or fails.</exception>
    public static object? Evaluate(string expression, IReadOnlyDictionary<string, JsonNode?> variables)
    {
        try
        {
            var program = Programs.GetOrAdd(expression, static e => Environment.Compile(Presence.Rewrite(e)));
            return program(variables.ToDictionary(v => v.Key, v => Native(v.Value)));
        }
        catch (Exception e) when (e is not ExpressionException)
        {
            throw new ExpressionException(e.Message, e);
        }
    }

    private static CelEnvironment Create()
    {
        var environment = new CelEnvironment(null, null);
        environment.RegisterFunction("lowerAscii", [typeof(string)], a => ((string)a[0]!).ToLowerInvariant());
        environment.RegisterFunction("upperAscii", [typeof(string)], a => ((string)a[0]!).ToUpperInvariant());
        environment.RegisterFunction("trim", [typeof(string)], a => ((string)a[0]!).Trim());
        return environment;
    }

    private static object? Native(JsonNode? value) => value switch
    {
        null => null,
        JsonObject o => o.ToDictionary(m => m.Key, m => Native(m.Value)),
        JsonArray a => a.Select(Native).ToList(),
        _ => value.GetValueKind() switch
        {
            JsonValueKind.String => (string)value!,
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => value.ToJsonString() is var text && long.TryParse(text, out var whole) ? whole : double.Parse(value.ToJsonString(), System.Globalization.CultureInfo.InvariantCulture),
        },
    };
}

/// <summary>An expression can't be parsed, or fails.</summary>
internal sealed class ExpressionException(string message, Exception inner) : Exception(message, inner);
