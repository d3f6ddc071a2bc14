using System.Text;
using System.Text.Json.Nodes;
using DaprK8s.Operator.Validation;

namespace DaprK8s.Operator.Tests.Validation;

/// <summary>Puts resources before the judge as the API server does, in namespace <c>default</c>.</summary>
internal sealed class Judging(Cluster? cluster = null, params string[] allowedTypes)
{
    private static readonly ComponentCatalogue Catalogue = ComponentCatalogue.Load();

    public ResourceJudge Judge { get; } = new(Catalogue, allowedTypes, cluster ?? new Cluster());

    /// <summary>Applies a new object, given as a kind and the rest of it.</summary>
    public Verdict Apply(string kind, string members, string version = "v1alpha1")
        => Ask(new JsonObject { ["operation"] = "CREATE", ["object"] = Object(kind, members, version) });

    public Verdict Ask(JsonObject request)
    {
        request["uid"] = "u-1";
        request["namespace"] = "default";
        var verdict = Judge.JudgeAsync(request, TestContext.Current.CancellationToken);
        Assert.True(verdict.IsCompletedSuccessfully);
        return verdict.Result;
    }

    public static JsonObject Object(string kind, string members, string version = "v1alpha1")
        => JsonNode.Parse(Encoding.UTF8.GetBytes($$$"""{"apiVersion":"dapr.io/{{{version}}}","kind":"{{{kind}}}","metadata":{"name":"x"},{{{members}}} }"""))!.AsObject();

    public static void Accepted(Verdict verdict)
    {
        Assert.Equal(("", true), (verdict.Message, verdict.Allowed));
        Assert.Empty(verdict.Warnings);
    }

    /// <summary>Accepted, with one warning.</summary>
    public static void Warned(string expected, Verdict verdict)
    {
        Assert.Equal(("", true), (verdict.Message, verdict.Allowed));
        Assert.Equal(expected, Assert.Single(verdict.Warnings));
    }

    public static void Refused(string expected, Verdict verdict)
    {
        Assert.False(verdict.Allowed);
        Assert.Equal(expected, verdict.Message);
    }
}
