using DaprK8s.Common.Resources;

namespace DaprK8s.Generator;

/// <summary>Every file of the repository that is made from code, by its path from the root.</summary>
public static class GeneratedFiles
{
    private static readonly Type[] Kinds =
    [
        typeof(Component), typeof(Configuration), typeof(Subscription), typeof(Resiliency), typeof(HttpEndpoint), typeof(McpServer),
        typeof(WorkflowAccessPolicy),
    ];

    /// <summary>The custom resource definitions, once for <c>kubectl apply</c> and once for the chart, and the component catalogue.</summary>
    public static IEnumerable<(string Path, string Content)> All()
    {
        var descriptions = Descriptions.Load(typeof(Resource).Assembly);
        foreach (var kind in Kinds)
        {
            var definition = new CustomResourceDefinition(kind, descriptions);
            var yaml = "# Generated from the models in common/resources by `make generate`.\n" + Yaml.Write(definition.Build());
            yield return ($"crds/{definition.File}.yaml", yaml);
            yield return ($"charts/dapr/crds/{definition.File}.yaml", yaml);
        }

        yield return ("operator/catalogue/components.json", ComponentCatalogue.Write());
    }
}
