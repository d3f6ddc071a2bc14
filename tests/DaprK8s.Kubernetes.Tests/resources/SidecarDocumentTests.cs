using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Resources;

namespace DaprK8s.Kubernetes.Tests.Resources;

public sealed class SidecarDocumentTests
{
    [Fact]
    public void A_component_has_every_member_that_Daprs_operator_sends()
        => AssertDocument(
            "Component",
            """
            {"apiVersion":"dapr.io/v1alpha1","kind":"Component","metadata":{"name":"statestore","namespace":"default"},
             "spec":{"type":"state.redis","version":"v1","metadata":[
               {"name":"redisHost","value":"redis:6379"},
               {"name":"redisDB","value":3,"envRef":""},
               {"name":"user","envRef":"USER"},
               {"name":"redisPassword","value":"c2VjcmV0","secretKeyRef":{"name":"redis","key":"pw"}}]}}
            """,
            """
            {"kind":"Component","apiVersion":"dapr.io/v1alpha1",
             "metadata":{"name":"statestore","namespace":"default","creationTimestamp":null},
             "spec":{"type":"state.redis","version":"v1","ignoreErrors":false,"initTimeout":"",
              "metadata":[{"name":"redisHost","value":"redis:6379","secretKeyRef":{"name":"","key":""}},
                          {"name":"redisDB","value":3,"secretKeyRef":{"name":"","key":""}},
                          {"name":"user","value":null,"envRef":"USER","secretKeyRef":{"name":"","key":""}},
                          {"name":"redisPassword","value":"c2VjcmV0","secretKeyRef":{"name":"redis","key":"pw"}}]},
             "auth":{"secretStore":""}}
            """);

    [Fact]
    public void A_component_without_anything_is_complete_too()
        => AssertDocument(
            "Component",
            """{"metadata":{"name":"x"},"scopes":[]}""",
            """
            {"kind":"Component","apiVersion":"dapr.io/v1alpha1","metadata":{"name":"x","creationTimestamp":null},
             "spec":{"type":"","version":"","ignoreErrors":false,"initTimeout":"","metadata":null},"auth":{"secretStore":""}}
            """);

    [Fact]
    public void What_only_the_cluster_needs_stays_there()
        => AssertDocument(
            "WorkflowAccessPolicy",
            """
            {"apiVersion":"dapr.io/v1alpha1","kind":"WorkflowAccessPolicy","status":{"observedGeneration":2},
             "metadata":{"name":"p","uid":"u","generation":2,"creationTimestamp":"2026-01-31T12:00:00Z","managedFields":[{"manager":"kubectl"}],
               "annotations":{"a":"b","kubectl.kubernetes.io/last-applied-configuration":"{}"}},
             "spec":{"rules":[]},"scopes":["app1"]}
            """,
            """
            {"apiVersion":"dapr.io/v1alpha1","kind":"WorkflowAccessPolicy",
             "metadata":{"name":"p","uid":"u","generation":2,"creationTimestamp":"2026-01-31T12:00:00Z","annotations":{"a":"b"}},
             "spec":{"rules":[]},"scopes":["app1"]}
            """);

    [Fact]
    public void An_endpoint_has_its_TLS_only_when_it_is_given()
    {
        AssertSpec("HTTPEndpoint", """{"baseUrl":"https://x"}""", """{"baseUrl":"https://x","headers":null}""");
        AssertSpec(
            "HTTPEndpoint",
            """{"baseUrl":"https://x","clientTLS":{"rootCA":{"value":"pem"}},"headers":[{"name":"a","value":"b"}]}""",
            """
            {"baseUrl":"https://x","clientTLS":{"rootCA":{"value":"pem"},"certificate":null,"privateKey":null,"renegotiation":null},
             "headers":[{"name":"a","value":"b","secretKeyRef":{"name":"","key":""}}]}
            """);
    }

    [Fact]
    public void A_subscription_is_always_of_the_newer_version()
    {
        AssertDocument(
            "Subscription",
            """
            {"apiVersion":"dapr.io/v1alpha1","metadata":{"name":"s"},
             "spec":{"pubsubname":"p","topic":"t","route":"/r","metadata":{},"deadLetterTopic":""}}
            """,
            """
            {"kind":"Subscription","apiVersion":"dapr.io/v2alpha1","metadata":{"name":"s","creationTimestamp":null},
             "spec":{"pubsubname":"p","topic":"t","routes":{"default":"/r"},"bulkSubscribe":{"enabled":false}}}
            """);
        AssertDocument(
            "Subscription",
            """{"metadata":{"name":"s"},"spec":{"pubsubname":"p","topic":"t","metadata":{"a":"b"},"deadLetterTopic":"d"}}""",
            """
            {"kind":"Subscription","apiVersion":"dapr.io/v2alpha1","metadata":{"name":"s","creationTimestamp":null},
             "spec":{"pubsubname":"p","topic":"t","routes":{},"bulkSubscribe":{"enabled":false},"metadata":{"a":"b"},"deadLetterTopic":"d"}}
            """);
    }

    [Fact]
    public void A_resiliency_has_both_directions_of_a_component()
        => AssertSpec(
            "Resiliency",
            """{"policies":{},"targets":{"components":{"a":{"outbound":{"retry":"r"}},"b":{}},"apps":{"x":{"retry":"r"}}}}""",
            """
            {"policies":{},"targets":{"components":{"a":{"outbound":{"retry":"r"},"inbound":{}},"b":{"inbound":{},"outbound":{}}},
             "apps":{"x":{"retry":"r"}}}}
            """);

    [Fact]
    public void A_configuration_has_no_block_that_is_not_set()
    {
        AssertSpec("Configuration", "{}", "{}");
        AssertSpec(
            "Configuration",
            """{"mtls":{"workloadCertTTL":"24h"},"tracing":{"samplingRate":"1","otel":{"headers":[{"name":"k","secretKeyRef":{"name":"s","key":"k"}}]}}}""",
            """
            {"mtls":{"workloadCertTTL":"24h","enabled":null,"sentryAddress":"","controlPlaneTrustDomain":""},
             "tracing":{"samplingRate":"1","otel":{"headers":[{"name":"k","value":null,"secretKeyRef":{"name":"s","key":"k"}}]}}}
            """);
    }

    [Fact]
    public void An_MCP_server_always_has_an_endpoint()
        => AssertSpec("MCPServer", "{}", """{"endpoint":{}}""");

    [Fact]
    public void Null_is_read_as_absent()
    {
        var component = SidecarDocument.Read(
            """
            {"metadata":{"name":"c","creationTimestamp":null,"annotations":null},"scopes":null,
             "spec":{"type":"state.redis","version":null,"metadata":[{"name":"a","value":null,"secretKeyRef":null},null]},"auth":null}
            """u8,
            DaprResources.Components.Json);

        Assert.Equal(("c", "state.redis", ""), (component.Name, component.Spec.Type, component.Spec.Version));
        Assert.Null(Assert.Single(component.Spec.Metadata!).Value);
        Assert.Empty(SidecarDocument.Read("""{"metadata":{"name":"c"},"spec":{"httpPipeline":{"handlers":null}}}"""u8, DaprResources.Configurations.Json)
            .Spec.HttpPipeline!.Handlers);
    }

    [Fact]
    public void A_null_inside_a_value_is_the_users()
    {
        var component = SidecarDocument.Read(
            """{"metadata":{"name":"c"},"spec":{"type":"t","version":"v1","metadata":[{"name":"a","value":{"x":null}}]}}"""u8,
            DaprResources.Components.Json);

        Assert.Equal("""{"x":null}""", component.Spec.Metadata![0].Value);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{\"spec\":5}")]
    [InlineData("{")]
    public void What_is_no_resource_is_refused(string json)
        => Assert.ThrowsAny<JsonException>(() => SidecarDocument.Read(Encoding.UTF8.GetBytes(json), DaprResources.Components.Json));

    private static void AssertSpec(string kind, string stored, string expected)
        => AssertDocument(
            kind,
            $$"""{"apiVersion":"dapr.io/v1alpha1","metadata":{"name":"x"},"spec":{{stored}}}""",
            $$"""
            {"kind":"{{kind}}","apiVersion":"dapr.io/v1alpha1","metadata":{"name":"x","creationTimestamp":null},"spec":{{expected}}
             {{(kind == "HTTPEndpoint" ? ",\"auth\":{\"secretStore\":\"\"}" : "")}} }
            """);

    private static void AssertDocument(string kind, string stored, string expected)
    {
        var source = JsonNode.Parse(stored)!.AsObject();
        var document = SidecarDocument.From(kind, source);

        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), document), document.ToJsonString());
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(stored), source), "the stored object was changed");
    }
}
