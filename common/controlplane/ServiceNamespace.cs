namespace DaprK8s.Common.ControlPlane;

/// <summary>The namespace that a control-plane service runs in (contract: k8s 2.1).</summary>
public static class ServiceNamespace
{
    /// <summary>The variable that names it.</summary>
    public const string Variable = "NAMESPACE";

    /// <summary>Reads it.</summary>
    /// <param name="value">The value of <see cref="Variable"/>; <see langword="null"/> when it is not set.</param>
    /// <exception cref="OptionException">It is not set, or empty.</exception>
    public static string Read(string? value)
        => value is { Length: > 0 } ? value : throw new OptionException($"'{Variable}' environment variable {(value is null ? "not set" : "is empty")}");
}
