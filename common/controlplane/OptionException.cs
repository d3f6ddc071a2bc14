namespace DaprK8s.Common.ControlPlane;

/// <summary>An option has a value that makes no sense: fatal, exit code 1.</summary>
public sealed class OptionException(string message) : Exception(message);
