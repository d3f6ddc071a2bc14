namespace DaprK8s.KubernetesApi.Faults;

/// <summary>A request that came.</summary>
/// <param name="User">Who asked.</param>
/// <param name="Verb">What for.</param>
/// <param name="Resource">On which resource.</param>
/// <param name="Namespace">The namespace; nothing for all.</param>
/// <param name="Name">The object; empty for a collection.</param>
/// <param name="Query">The query string.</param>
/// <param name="Body">The body, as it came.</param>
/// <param name="Accept">What kind of answer was wanted.</param>
public sealed record RequestRecord(
    string User, string Verb, string Resource, string? Namespace, string Name, string Query, string Body, string Accept);
