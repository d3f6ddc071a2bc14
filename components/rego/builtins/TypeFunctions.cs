namespace DaprK8s.Components.Rego;

/// <summary>Questions about types, and conversions.</summary>
internal static class TypeFunctions
{
    /// <summary>Adds them.</summary>
    public static void AddTo(BuiltinTable table)
    {
        foreach (var kind in Enum.GetValues<RegoKind>())
        {
            table.Add("is_" + kind.ToString().ToLowerInvariant(), "any", (_, a) => RegoBoolean.Of(a.Kind == kind));
        }

        table.Add("type_name", "any", static (_, a) => new RegoString(a.KindName));
        table.Add("to_number", "null|boolean|number|string", static (_, a) => a switch
        {
            RegoNull => RegoNumber.Of(0),
            RegoBoolean b => RegoNumber.Of(b.Value ? 1 : 0),
            RegoNumber => a,
            _ => RegoNumber.TryParse(StringFunctions.Text(a), out var number) ? number : null,
        });
        table.Add("cast_array", "array|set", static (_, a) => a is RegoSet set ? new RegoArray(set.Items) : a);
        table.Add("cast_set", "array|set", static (e, a) => a is RegoSet ? a : RegoSet.Of([.. AggregateFunctions.Items(e, a)]));
        table.Add("cast_string", "string", static (_, a) => a);
        table.Add("cast_boolean", "boolean", static (_, a) => a);
        table.Add("cast_null", "null", static (_, a) => a);
        table.Add("cast_object", "object", static (_, a) => a);
        table.Add("trace", "string", static (Evaluation _, RegoValue _) => RegoBoolean.True);
    }
}
