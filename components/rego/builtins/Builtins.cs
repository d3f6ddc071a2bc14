using System.Collections.Frozen;

namespace DaprK8s.Components.Rego;

/// <summary>All functions that policies can call without defining them.</summary>
internal static class Builtins
{
    private static readonly FrozenDictionary<string, Builtin> All = Table();

    /// <summary>The names.</summary>
    public static IEnumerable<string> Names => All.Keys;

    /// <summary>The function of a name, if there is one.</summary>
    public static Builtin? Find(string name) => All.GetValueOrDefault(name);

    /// <summary>Why a name cannot be called.</summary>
    public static string Refusal(string name) => name switch
    {
        "http.send" or "net.lookup_ip_addr" => $"{name} is not offered: a policy is evaluated without the network",
        "opa.runtime" => $"{name} is not offered: a policy sees nothing of the process",
        _ => $"undefined function {name}: it is neither defined by the policy nor among the supported built-in functions",
    };

    private static FrozenDictionary<string, Builtin> Table()
    {
        var table = new BuiltinTable();
        OperatorFunctions.AddTo(table);
        NumberFunctions.AddTo(table);
        AggregateFunctions.AddTo(table);
        CollectionFunctions.AddTo(table);
        ObjectFunctions.AddTo(table);
        GraphFunctions.AddTo(table);
        StringFunctions.AddTo(table);
        TrimFunctions.AddTo(table);
        RegexFunctions.AddTo(table);
        GlobFunctions.AddTo(table);
        TypeFunctions.AddTo(table);
        EncodingFunctions.AddTo(table);
        UrlFunctions.AddTo(table);
        CryptoFunctions.AddTo(table);
        JwtFunctions.AddTo(table);
        TimeFunctions.AddTo(table);
        NetFunctions.AddTo(table);
        UnitFunctions.AddTo(table);
        SemanticVersionFunctions.AddTo(table);
        return table.Functions.ToFrozenDictionary(StringComparer.Ordinal);
    }
}
