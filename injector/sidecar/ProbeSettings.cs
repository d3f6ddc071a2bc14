namespace DaprK8s.Injector.Sidecar;

/// <summary>When a probe is made, and how many failures count; times in seconds.</summary>
internal readonly record struct ProbeSettings(int Delay, int Timeout, int Period, int Threshold);
