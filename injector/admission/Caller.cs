namespace DaprK8s.Injector.Admission;

/// <summary>Who made a request, as the API server has authenticated it.</summary>
internal sealed record Caller(string Username, string Uid, IReadOnlyList<string> Groups);
