using DaprK8s.Cluster.Tests.Clusters;

namespace DaprK8s.Cluster.Tests.Install;

/// <summary>The test classes that share one cluster with the chart, one after the other.</summary>
[CollectionDefinition(Name)]
public sealed class InstallationCollection : ICollectionFixture<Installation>
{
    public const string Name = "installation";
}
