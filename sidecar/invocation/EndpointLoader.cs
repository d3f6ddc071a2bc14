using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DaprK8s.Common.Hosting;
using DaprK8s.Common.Resources;
using DaprK8s.Sidecar.Reload;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Secrets;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Invocation;

/// <summary>
/// Turns HTTPEndpoint resources into invocation targets: secrets resolved, TLS set up (contract: messaging 5.14). One that did not
/// change keeps its connections; one that can't be used as it is now stays as it was.
/// </summary>
internal sealed class EndpointLoader(SecretResolver resolver, SidecarInfo self, ExternalTargets targets, ResourceStatuses statuses, ILogger logger)
{
    private static readonly string[] Renegotiations = ["", "Never", "OnceAsClient", "FreelyAsClient"];

    private readonly Dictionary<string, Complaint> complaints = new(StringComparer.Ordinal);
    private Dictionary<string, Loaded> loaded = new(StringComparer.Ordinal);

    /// <summary>Brings about that exactly these endpoints can be called. Not to be called by two at a time.</summary>
    /// <param name="resources">All endpoints.</param>
    /// <param name="looksAtSecrets">Secrets may be others now.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task LoadAsync(IReadOnlyList<HttpEndpoint> resources, bool looksAtSecrets, CancellationToken cancellationToken)
    {
        var mine = resources.Where(r => r.IsInScope(self.AppId)).ToList();
        foreach (var clash in Duplicates.Find(ResourceKinds.HttpEndpoint, mine, self.AppId))
        {
            logger.LogWarning("failed to load HTTP endpoints: {Clash}", clash);
            mine.Clear();
            break;
        }

        var next = new Dictionary<string, Loaded>(StringComparer.Ordinal);
        foreach (var resource in mine)
        {
            if (await LoadAsync(resource, looksAtSecrets, cancellationToken) is { } endpoint)
            {
                next[resource.Name] = endpoint;
            }
        }

        foreach (var gone in loaded.Keys.Where(n => !mine.Exists(r => r.Name == n)))
        {
            statuses.Remove(ResourceKinds.HttpEndpoint, gone);
            complaints.Remove(gone);
        }

        loaded = next;
        targets.Replace([.. next.Values.Select(l => l.Endpoint)]);
    }

    private async Task<Loaded?> LoadAsync(HttpEndpoint resource, bool looksAtSecrets, CancellationToken cancellationToken)
    {
        var digest = ResourceContent.DigestOf(resource);
        var before = loaded.GetValueOrDefault(resource.Name);
        if (before?.Digest == digest && !(looksAtSecrets && HasSecrets(resource)))
        {
            return StillGood(resource, before);
        }

        try
        {
            var resolved = await ResolveAsync(resource, cancellationToken);
            if (before?.Digest == digest && IsSame(before.Resolved, resolved))
            {
                return StillGood(resource, before);
            }

            var endpoint = Build(resource, resolved);
            statuses.Set(ResourceKinds.HttpEndpoint, resource, ResourceState.Ready);
            complaints.Remove(resource.Name);
            logger.LogInformation("Found http endpoint: {Name}", resource.Name);
            return new Loaded(digest, resolved, endpoint);
        }
        catch (Exception e) when (e is CryptographicException or ComponentConfigurationException or ArgumentException)
        {
            statuses.Set(
                ResourceKinds.HttpEndpoint, resource, before is null ? ResourceState.Failed : ResourceState.Degraded,
                resource.SecretProblem is null ? StatusReasons.Invalid : StatusReasons.SecretUnavailable, e.Message);

            // It is tried again at each list.
            complaints.TryAdd(resource.Name, new Complaint());
            logger.Log(
                complaints[resource.Name].IsNew(e.Message) ? LogLevel.Error : LogLevel.Debug,
                "HTTPEndpoint {Name} ({Source}) {Consequence}: {Error}", resource.Name, resource.Source,
                before is null ? "is left out" : "could not be updated, the version before stays in use", e.Message);
            return before;
        }
    }

    // A change that could not be used may have been taken back.
    private Loaded StillGood(HttpEndpoint resource, Loaded before)
    {
        if (complaints.Remove(resource.Name))
        {
            statuses.Set(ResourceKinds.HttpEndpoint, resource, ResourceState.Ready);
        }

        return before;
    }

    private static bool HasSecrets(HttpEndpoint resource)
        => resource.Spec.Headers?.Exists(h => h.SecretKeyRef is not null) == true
            || resource.Spec.ClientTLS is { } tls && (tls.RootCA ?? tls.Certificate ?? tls.PrivateKey) is not null;

    private static bool IsSame(ResolvedEndpoint one, ResolvedEndpoint other)
        => one.RootCa == other.RootCa && one.Certificate == other.Certificate && one.PrivateKey == other.PrivateKey
            && one.Headers.Items.SequenceEqual(other.Headers.Items);

    private async Task<ResolvedEndpoint> ResolveAsync(HttpEndpoint resource, CancellationToken cancellationToken)
    {
        var resolved = await resolver.ResolveAsync(resource, cancellationToken);
        foreach (var note in resolved.Headers.Notes)
        {
            logger.Log(note.Level, "{Note}", note.Text);
        }

        if (resolved.Headers.Failure is { } failure)
        {
            throw new ComponentConfigurationException(failure);
        }

        return resolved.Headers.WaitingFor is { } store
            ? throw new ComponentConfigurationException($"it references a secret store that isn't loaded: {store}")
            : resolved;
    }

    private static ExternalEndpoint Build(HttpEndpoint resource, ResolvedEndpoint resolved)
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

    /// <param name="Digest">Of the resource.</param>
    /// <param name="Resolved">What it was resolved to.</param>
    /// <param name="Endpoint">What it became.</param>
    private sealed record Loaded(string Digest, ResolvedEndpoint Resolved, ExternalEndpoint Endpoint);
}
