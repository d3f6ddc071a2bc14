namespace DaprK8s.Bench.Scenarios;

/// <summary>Something to measure.</summary>
/// <param name="settings">How long and against what.</param>
/// <param name="servers">Where components find their servers.</param>
internal abstract class Scenario(Settings settings, Servers servers)
{
    protected Settings Settings => settings;

    protected Servers Servers => servers;

    /// <summary>What <c>--scenarios</c> calls it.</summary>
    public abstract string Name { get; }

    /// <summary>Measures.</summary>
    public abstract Task<Section> RunAsync();
}
