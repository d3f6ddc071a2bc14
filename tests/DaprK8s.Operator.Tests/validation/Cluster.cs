using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Resources;
using DaprK8s.Operator.Validation;

namespace DaprK8s.Operator.Tests.Validation;

/// <summary>What else there is, in namespace <c>default</c>.</summary>
internal sealed class Cluster : IClusterResources
{
    private readonly Dictionary<string, Component> components = [];
    private readonly List<Resiliency> resiliencies = [];
    private readonly Dictionary<string, string[]> secrets = [];

    /// <summary>Secrets can't be read.</summary>
    public bool HidesSecrets { get; set; }

    public Cluster WithComponent(string name, string type)
    {
        components[name] = new Component { Metadata = new ObjectMeta { Name = name }, Spec = new ComponentSpec { Type = type, Version = "v1" } };
        return this;
    }

    public Cluster WithSecret(string name, params string[] keys)
    {
        secrets[name] = keys;
        return this;
    }

    public Cluster WithResiliency(string json)
    {
        resiliencies.Add(SidecarDocument.Read(System.Text.Encoding.UTF8.GetBytes(json), DaprResources.Resiliencies.Json));
        return this;
    }

    Component? IClusterResources.FindComponent(string @namespace, string name)
        => @namespace == "default" ? components.GetValueOrDefault(name) : null;

    IEnumerable<Resiliency> IClusterResources.ResilienciesOf(string @namespace) => @namespace == "default" ? resiliencies : [];

    ValueTask<IReadOnlyCollection<string>?> IClusterResources.FindSecretKeysAsync(string @namespace, string name, CancellationToken cancellationToken)
        => HidesSecrets
            ? throw new InvalidOperationException("forbidden")
            : ValueTask.FromResult<IReadOnlyCollection<string>?>(@namespace == "default" ? secrets.GetValueOrDefault(name) : null);
}
