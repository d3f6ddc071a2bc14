using System.Text.Json.Nodes;

namespace DaprK8s.Kubernetes.Tests.Resources;

/// <summary>The definitions against the tables of the contract (k8s 1.1 to 1.9), which are written down here once more.</summary>
public sealed class CustomResourceDefinitionTests
{
    public static TheoryData<string, string, string, string> Kinds { get; } = new()
    {
        { "components", "Component", "components", "v1alpha1" },
        { "configuration", "Configuration", "configurations", "v1alpha1" },
        { "subscription", "Subscription", "subscriptions", "v1alpha1 v2alpha1" },
        { "resiliency", "Resiliency", "resiliencies", "v1alpha1" },
        { "httpendpoints", "HTTPEndpoint", "httpendpoints", "v1alpha1" },
        { "mcpservers", "MCPServer", "mcpservers", "v1alpha1" },
        { "workflowaccesspolicy", "WorkflowAccessPolicy", "workflowaccesspolicies", "v1alpha1" },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Names_versions_and_label_are_those_of_Dapr(string file, string kind, string plural, string versions)
    {
        var definition = Definitions.Read(file);
        var spec = definition["spec"]!;
        var names = spec["names"]!;

        Assert.Equal(plural + ".dapr.io", Text(definition["metadata"]!["name"]));
        Assert.Equal("dapr", Text(definition["metadata"]!["labels"]!["app.kubernetes.io/part-of"]));
        Assert.Equal("dapr.io", Text(spec["group"]));
        Assert.Equal("Namespaced", Text(spec["scope"]));
        Assert.Equal((kind, kind + "List", plural, kind.ToLowerInvariant()), (Text(names["kind"]), Text(names["listKind"]), Text(names["plural"]), Text(names["singular"])));
        Assert.Equal(versions, string.Join(' ', spec["versions"]!.AsArray().Select(v => Text(v!["name"]))));
        Assert.All(spec["versions"]!.AsArray(), v => Assert.True(v!["served"]!.GetValue<bool>()));
        Assert.Equal(versions.Split(' ')[^1], Text(Assert.Single(spec["versions"]!.AsArray(), v => v!["storage"]!.GetValue<bool>())!["name"]));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Beyond_Dapr_there_are_a_category_a_short_name_columns_and_a_status(string file, string kind, string plural, string versions)
    {
        var spec = Definitions.Read(file)["spec"]!;

        Assert.Equal("[\"dapr\"]", spec["names"]!["categories"]!.ToJsonString());
        Assert.NotEqual(plural, Text(Assert.Single(spec["names"]!["shortNames"]!.AsArray())));
        foreach (var version in versions.Split(' '))
        {
            var served = Definitions.Version(file, version);
            Assert.Equal("{\"status\":{}}", served["subresources"]!.ToJsonString());
            var columns = served["additionalPrinterColumns"]!.AsArray().Select(c => Text(c!["name"])).ToList();
            Assert.Equal("Ready", columns[0]);
            Assert.Equal("Age", columns[^1]);
            Assert.Contains("Apps", columns);
            Assert.Null(served["schema"]!["openAPIV3Schema"]!["required"]);
            Assert.Contains("summary", served["schema"]!["openAPIV3Schema"]!["properties"]!["status"]!["properties"]!["apps"]!["properties"]!.AsObject().Select(p => p.Key));
        }

        Assert.NotEmpty(kind);
    }

    [Fact]
    public void Components_show_readiness_type_version_apps_and_age()
        => Assert.Equal(
            ["Ready", "Type", "Version", "Apps", "Age"],
            Definitions.Version("components", "v1alpha1")["additionalPrinterColumns"]!.AsArray()
                .Where(c => c!["priority"] is null).Select(c => Text(c!["name"])));

    [Fact]
    public void Short_names_differ()
        => Assert.Equal(7, Kinds.Select(k => Text(Definitions.Read(k.Data.Item1)["spec"]!["names"]!["shortNames"]![0])).Distinct().Count());

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_field_has_a_description(string file, string kind, string plural, string versions)
    {
        Assert.NotEmpty(kind + plural);
        foreach (var version in versions.Split(' '))
        {
            Check(Definitions.Schema(file, version), file);
        }

        static void Check(JsonNode node, string path)
        {
            foreach (var (name, field) in node["properties"]?.AsObject() ?? [])
            {
                var here = $"{path}.{name}";
                Assert.True(name == "metadata" && path.IndexOf('.') < 0 || Text(field!["description"]).Length > 5, $"{here} has no description");
                Check(field!, here);
            }

            if (node["items"] is JsonObject items)
            {
                Check(items, path + "[]");
            }

            if (node["additionalProperties"] is JsonObject values)
            {
                Check(values, path + "{}");
            }
        }
    }

    [Fact]
    public void Subscriptions_are_converted_by_the_operators_webhook_whose_namespace_it_fills_in()
        => Assert.True(JsonNode.DeepEquals(
            JsonNode.Parse("""
                {"strategy":"Webhook","webhook":{
                  "clientConfig":{"service":{"namespace":"replaceme","name":"dapr-webhook","path":"/convert"}},
                  "conversionReviewVersions":["v1","v2alpha1"]}}
                """),
            Definitions.Read("subscription")["spec"]!["conversion"]));

    [Theory]
    [InlineData("spec.endpoint", "mcpservers", "exactly one of streamableHTTP, sse, or stdio must be set",
        "(has(self.streamableHTTP) ? 1 : 0) + (has(self.sse) ? 1 : 0) + (has(self.stdio) ? 1 : 0) == 1")]
    [InlineData("spec.rules.[]", "workflowaccesspolicy", "at least one of workflows or activities must contain a rule",
        "(has(self.workflows) && size(self.workflows) > 0) || (has(self.activities) && size(self.activities) > 0)")]
    [InlineData("spec.rules.[].workflows.[]", "workflowaccesspolicy", "requires is only valid when the rule's only operation is 'schedule'",
        "!has(self.requires) || size(self.requires) == 0 || (size(self.operations) == 1 && self.operations[0] == 'schedule')")]
    public void A_rule_in_CEL_is_the_contracts(string path, string file, string message, string rule)
    {
        JsonNode node = Definitions.Schema(file, "v1alpha1");
        foreach (var step in path.Split('.'))
        {
            node = step == "[]" ? node["items"]! : node["properties"]![step]!;
        }

        var only = Assert.Single(node["x-kubernetes-validations"]!.AsArray())!;
        Assert.Equal((rule, message), (Text(only["rule"]), Text(only["message"])));
    }

    [Theory]
    [MemberData(nameof(SchemaFacts.All), MemberType = typeof(SchemaFacts))]
    public void The_schema_says_what_the_contract_says(string file, string version, string facts)
    {
        var expected = facts.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal);

        Assert.Equal(expected, Definitions.Facts(Definitions.Schema(file, version)).Order(StringComparer.Ordinal));
    }

    private static string Text(JsonNode? node) => node?.GetValue<string>() ?? "";
}
