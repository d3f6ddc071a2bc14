using DaprK8s.Common.Resources;
using DaprK8s.Common.Text;

namespace DaprK8s.Operator.Validation;

/// <summary>Judges HTTPEndpoints.</summary>
internal sealed class HttpEndpointRules(SecretRules secrets)
{
    /// <summary>Adds what is found in an endpoint.</summary>
    public async ValueTask CheckAsync(HttpEndpoint endpoint, string @namespace, Findings findings, CancellationToken cancellationToken)
    {
        var spec = endpoint.Spec;
        CheckUrl(spec.BaseUrl, findings);
        var headers = spec.Headers ?? [];
        foreach (var (index, header) in headers.Index().Where(h => h.Item.Name.Length == 0))
        {
            findings.Refuse($"spec.headers[{index}].name", "must not be empty");
        }

        var tls = spec.ClientTLS;
        if (IsGiven(tls?.Certificate) != IsGiven(tls?.PrivateKey))
        {
            findings.Refuse("spec.clientTLS", "has only one of certificate and privateKey; a client certificate needs both");
        }

        var store = endpoint.Auth?.SecretStore;
        var references = new[] { ("rootCA", tls?.RootCA), ("certificate", tls?.Certificate), ("privateKey", tls?.PrivateKey) };
        if (headers.Exists(h => SecretRules.HasReference(h.SecretKeyRef)) || references.Any(r => SecretRules.HasReference(r.Item2?.SecretKeyRef)))
        {
            secrets.CheckStore(@namespace, store, "auth.secretStore", findings);
        }

        await secrets.CheckPairsAsync(@namespace, store, headers, "spec.headers", findings, cancellationToken);
        foreach (var (name, value) in references)
        {
            await secrets.CheckAsync(@namespace, store, value?.SecretKeyRef, $"spec.clientTLS.{name}.secretKeyRef", findings, cancellationToken);
        }
    }

    private static void CheckUrl(string url, Findings findings)
    {
        const string fix = "write one such as https://api.example.com";
        if (!Uri.TryCreate(url, UriKind.Absolute, out var parsed) || url.StartsWith('/'))
        {
            findings.Refuse("spec.baseUrl", $"{GoQuote.Quote(url)} is no absolute URL; {fix}");
        }
        else if (parsed.Scheme is not ("http" or "https") || parsed.Host.Length == 0)
        {
            findings.Refuse("spec.baseUrl", $"{GoQuote.Quote(url)} is no http or https URL; {fix}");
        }
    }

    private static bool IsGiven(SecretableValue? value) => value is not null && (!string.IsNullOrEmpty(value.Value) || SecretRules.HasReference(value.SecretKeyRef));
}
