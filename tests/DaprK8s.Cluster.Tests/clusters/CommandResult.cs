namespace DaprK8s.Cluster.Tests.Clusters;

/// <summary>How a command ended.</summary>
/// <param name="Code">Its exit code.</param>
/// <param name="Output">What it wrote to both streams.</param>
public sealed record CommandResult(int Code, string Output)
{
    /// <summary>The output of a command that must succeed.</summary>
    public string Succeeded()
    {
        Assert.True(Code == 0, $"the command ended with {Code}: {Output}");
        return Output;
    }

    /// <summary>The output of a command that must fail.</summary>
    public string Refused()
    {
        Assert.True(Code != 0, $"the command should have failed, but said: {Output}");
        return Output;
    }
}
