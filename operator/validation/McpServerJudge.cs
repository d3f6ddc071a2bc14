using DaprK8s.Common.Resources;

namespace DaprK8s.Operator.Validation;

/// <summary>Judges MCPServers by the rules that sidecars apply.</summary>
internal sealed class McpServerJudge(SecretRules secrets)
{
    /// <summary>Adds what is found in a server.</summary>
    public async ValueTask CheckAsync(McpServer server, string @namespace, Findings findings, CancellationToken cancellationToken)
    {
        findings.Problems.AddRange(McpServerRules.CheckSchema(server));
        if (findings.Problems.Count == 0 && McpServerRules.CheckSecurity(server, inKubernetes: true) is { } problem)
        {
            findings.Refuse("spec.endpoint", problem);
        }

        if (server.Name.Contains('.'))
        {
            findings.Warn("metadata.name", "has a dot; the workflows of its tools can't be named then, choose a name without");
        }

        foreach (var (name, transport) in new[] { ("streamableHTTP", server.Spec.Endpoint.StreamableHTTP), ("sse", server.Spec.Endpoint.Sse) })
        {
            if (transport is not null)
            {
                await CheckTransportAsync(transport, $"spec.endpoint.{name}", @namespace, findings, cancellationToken);
            }
        }
    }

    private async ValueTask CheckTransportAsync(
        McpHttpTransport transport, string path, string @namespace, Findings findings, CancellationToken cancellationToken)
    {
        var store = transport.Auth?.SecretStore;
        var headers = transport.Headers ?? [];
        var oauth2 = transport.Auth?.Oauth2;
        if (SecretRules.HasReference(oauth2?.SecretKeyRef) || headers.Exists(h => SecretRules.HasReference(h.SecretKeyRef)))
        {
            secrets.CheckStore(@namespace, store, path + ".auth.secretStore", findings);
        }

        if (oauth2 is not null && !SecretRules.HasReference(oauth2.SecretKeyRef))
        {
            findings.Refuse(path + ".auth.oauth2.secretKeyRef", "is required for OAuth2 client credentials; name the secret of the client");
        }

        await secrets.CheckPairsAsync(@namespace, store, headers, path + ".headers", findings, cancellationToken);
        await secrets.CheckAsync(@namespace, store, oauth2?.SecretKeyRef, path + ".auth.oauth2.secretKeyRef", findings, cancellationToken);
    }
}
