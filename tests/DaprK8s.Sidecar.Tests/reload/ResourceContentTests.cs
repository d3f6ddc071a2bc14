using DaprK8s.Common.Resources;

namespace DaprK8s.Sidecar.Tests.Reload;

public sealed class ResourceContentTests
{
    [Fact]
    public void Of_the_metadata_only_the_name_counts_and_of_the_status_nothing()
    {
        Assert.Equal(Digest("a", "1"), ResourceContent.DigestOf(new Component
        {
            ApiVersion = "dapr.io/v1alpha1",
            Kind = "Component",
            Metadata = new ObjectMeta { Name = "a", Namespace = "n", Generation = 7, ResourceVersion = "8", Annotations = new() { ["x"] = "y" } },
            Spec = new ComponentSpec { Type = "1" },
            Status = new ResourceStatus(),
        }));
        Assert.NotEqual(Digest("a", "1"), Digest("b", "1"));
        Assert.NotEqual(Digest("a", "1"), Digest("a", "2"));
        Assert.NotEqual(Digest("a", "1"), ResourceContent.DigestOf(new Component
        {
            Metadata = new ObjectMeta { Name = "a" },
            Spec = new ComponentSpec { Type = "1" },
            Scopes = ["app1"],
        }));
    }

    [Fact]
    public void Every_kind_has_a_digest_even_with_blocks_that_were_never_set()
    {
        Assert.NotEmpty(ResourceContent.DigestOf(new UntypedResource { Kind = "Resiliency" }));
        Assert.NotEmpty(ResourceContent.DigestOf(new DaprK8s.Common.Resources.Resiliency()));
        Assert.NotEmpty(ResourceContent.DigestOf(new McpServer()));
        Assert.NotEmpty(ResourceContent.DigestOf(new WorkflowAccessPolicy()));
        Assert.NotEmpty(ResourceContent.DigestOf(new HttpEndpoint()));
        Assert.NotEmpty(ResourceContent.DigestOf(new Subscription()));
        Assert.NotEmpty(ResourceContent.DigestOf(new Configuration { Spec = new ConfigurationSpec { Tracing = new TracingSpec { Otel = new OtelSpec() } } }));
    }

    [Fact]
    public void The_blocks_of_a_Configuration_that_differ_are_named()
    {
        var one = new Configuration { Spec = new ConfigurationSpec { Tracing = new TracingSpec { SamplingRate = "1" }, Wasm = new WasmSpec() } };
        var other = new Configuration { Spec = new ConfigurationSpec { Tracing = new TracingSpec { SamplingRate = "0" }, Api = new ApiSpec() } };
        Assert.Equal(["api", "tracing", "wasm"], ResourceContent.DifferingBlocks(one, other));
        Assert.Empty(ResourceContent.DifferingBlocks(one, one));
    }

    private static string Digest(string name, string type)
        => ResourceContent.DigestOf(new Component { Metadata = new ObjectMeta { Name = name }, Spec = new ComponentSpec { Type = type } });
}
