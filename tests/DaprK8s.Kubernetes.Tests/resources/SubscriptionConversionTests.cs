using System.Text.Json.Nodes;
using DaprK8s.Common.Resources;

namespace DaprK8s.Kubernetes.Tests.Resources;

public sealed class SubscriptionConversionTests
{
    private const string Rest = """
        "metadata":{"name":"s","uid":"u","labels":{"a":"b"},"managedFields":[{"manager":"m"}],"unknown":{"x":[1,null]}},
        "scopes":["app1"],"status":{"observedGeneration":1}
        """;

    private const string V1 = $$$"""
        {"kind":"Subscription","apiVersion":"dapr.io/v1alpha1",{{{Rest}}},
         "spec":{"pubsubname":"p","topic":"t","route":"/r","metadata":{"k":"v"},"deadLetterTopic":"d","bulkSubscribe":{"enabled":true,"maxMessagesCount":5} } }
        """;

    private const string V2 = $$$"""
        {"kind":"Subscription","apiVersion":"dapr.io/v2alpha1",{{{Rest}}},
         "spec":{"pubsubname":"p","topic":"t","routes":{"default":"/r"},"metadata":{"k":"v"},"deadLetterTopic":"d","bulkSubscribe":{"enabled":true,"maxMessagesCount":5} } }
        """;

    [Theory]
    [InlineData(V1, V2)]
    [InlineData(V2, V1)]
    public void The_route_is_the_default_route_and_all_else_is_kept(string from, string to)
    {
        var expected = JsonNode.Parse(to)!;

        Assert.True(JsonNode.DeepEquals(expected, SubscriptionConversion.Convert(Parse(from), expected["apiVersion"]!.GetValue<string>())));
    }

    [Fact]
    public void Rules_have_no_place_in_the_older_version()
    {
        var v2 = Parse(V2);
        v2["spec"]!["routes"]!["rules"] = new JsonArray(new JsonObject { ["match"] = "true", ["path"] = "/x" });

        Assert.True(JsonNode.DeepEquals(Parse(V1), SubscriptionConversion.Convert(v2, "dapr.io/v1alpha1")));
    }

    [Fact]
    public void The_object_given_stays_as_it_is()
    {
        var v1 = Parse(V1);
        SubscriptionConversion.Convert(v1, "dapr.io/v2alpha1");

        Assert.True(JsonNode.DeepEquals(Parse(V1), v1));
    }

    [Theory]
    [InlineData("Component", "dapr.io/v1alpha1", "dapr.io/v2alpha1", "kind \"Component\"")]
    [InlineData("Subscription", "dapr.io/v2alpha1", "dapr.io/v2alpha1", "to itself")]
    [InlineData("Subscription", "dapr.io/v1alpha1", "dapr.io/v3", "\"dapr.io/v3\"")]
    [InlineData("Subscription", "v1", "dapr.io/v1alpha1", "from \"v1\"")]
    public void What_can_not_be_converted_is_refused(string kind, string from, string to, string message)
    {
        var subscription = new JsonObject { ["kind"] = kind, ["apiVersion"] = from, ["spec"] = new JsonObject() };

        Assert.Contains(message, Assert.Throws<ResourceException>(() => SubscriptionConversion.Convert(subscription, to)).Message);
    }

    private static JsonObject Parse(string json) => JsonNode.Parse(json)!.AsObject();
}
