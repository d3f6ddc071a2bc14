using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DaprK8s.Common.Resources;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Secrets;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Invocation;

/// <summary>Turns HTTPEndpoint resources into invocation targets: secrets resolved, TLS set up (contract: messaging 5.14).</summary>
internal sealed class EndpointLoader(SecretResolver resolver, SidecarInfo self, ExternalTargets targets, ILogger logger)
{
    private static readonly string[] Renegotiations = ["", "Never", "OnceAsClient", "FreelyAsClient"];

    public async Task LoadAsync(IReadOnlyList<HttpEndpoint> resources, CancellationToken cancellationToken)
    {
        List<ExternalEndpoint> endpoints = [];
        foreach (var resource in resources.Where(r => r.IsInScope(self.AppId)))
        {
            if (endpoints.Exists(e => e.Name == resource.Name))
            {
                logger.LogWarning("failed to load HTTP endpoints: duplicate definition of HTTPEndpoint name {Name} ({Source})", resource.Name, resource.Source);
                endpoints.Clear();
                break;
            }

            try
            {
                endpoints.Add(await BuildAsync(resource, cancellationToken));
                logger.LogInformation("Found http endpoint: {Name}", resource.Name);
            }
            catch (Exception e) when (e is CryptographicException or ComponentConfigurationException or ArgumentException)
            {
                logger.LogError("HTTPEndpoint {Name} ({Source}) is left out: {Error}", resource.Name, resource.Source, e.Message);
            }
        }

        targets.Replace(endpoints);
    }

    private async Task<ExternalEndpoint> BuildAsync(HttpEndpoint resource, CancellationToken cancellationToken)
    {
        if (!Uri.TryCreate(resource.Spec.BaseUrl, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
        {
            throw new ComponentConfigurationException($"spec.baseUrl \"{resource.Spec.BaseUrl}\" is not an absolute http or https URL");
        }

        var renegotiation = resource.Spec.ClientTLS?.Renegotiation ?? "";
        if (!Renegotiations.Contains(renegotiation))
        {
            throw new ComponentConfigurationException($"invalid renegotiation value {renegotiation} for http endpoint {resource.Name}");
        }

        var resolved = await resolver.ResolveAsync(resource, cancellationToken);
        foreach (var note in resolved.Headers.Notes)
        {
            logger.Log(note.Level, "{Note}", note.Text);
        }

        if (resolved.Headers.WaitingFor is { } store)
        {
            throw new ComponentConfigurationException($"it references a secret store that isn't loaded: {store}");
        }

        var handler = ExternalTargets.CreateHandler();
        SetUpTls(handler.SslOptions, resource.Name, url.IdnHost, resolved);
        return new ExternalEndpoint(resource.Name, resource.Spec.BaseUrl, resolved.Headers.Items, new HttpMessageInvoker(handler)) { FollowsRedirects = true };
    }

    private static void SetUpTls(SslClientAuthenticationOptions tls, string name, string host, ResolvedEndpoint resolved)
    {
        if (resolved.RootCa is { Length: > 0 } pem)
        {
            var roots = new X509Certificate2Collection();
            try
            {
                roots.ImportFromPem(pem);
            }
            catch (CryptographicException e)
            {
                throw new ComponentConfigurationException($"failed to add root cert to cert pool for http endpoint {name}", e);
            }

            if (roots.Count == 0)
            {
                throw new ComponentConfigurationException($"failed to add root cert to cert pool for http endpoint {name}");
            }

            tls.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            tls.CertificateChainPolicy.CustomTrustStore.AddRange(roots);
        }

        if (resolved is { Certificate.Length: > 0, PrivateKey.Length: > 0 })
        {
            try
            {
                var certificate = X509Certificate2.CreateFromPem(resolved.Certificate, resolved.PrivateKey);

                // Not shown to a host that a redirect leads to.
                tls.LocalCertificateSelectionCallback = (_, target, _, _, _) => target.Equals(host, StringComparison.OrdinalIgnoreCase) ? certificate : null!;
            }
            catch (Exception e) when (e is CryptographicException or ArgumentException)
            {
                // The text of the cause may hold parts of the key's file; only its kind is told.
                throw new ComponentConfigurationException($"failed to load client certificate for http endpoint {name}: {e.GetType().Name}", e);
            }
        }
    }
}
