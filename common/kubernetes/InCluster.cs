using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace DaprK8s.Common.Kubernetes;

/// <summary>The connection of a pod: environment variables name the server, the service account's directory has authority and token.</summary>
internal static class InCluster
{
    /// <summary>The connection, or nothing when this is no pod with a service account.</summary>
    public static KubernetesConnection? Find(string directory, Func<string, string?> environment, TimeProvider timeProvider)
    {
        var host = environment("KUBERNETES_SERVICE_HOST");
        var token = Path.Combine(directory, "token");
        if (string.IsNullOrEmpty(host) || !File.Exists(token))
        {
            return null;
        }

        var port = environment("KUBERNETES_SERVICE_PORT") is { Length: > 0 } text ? text : "443";
        if (!int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            throw new KubernetesConfigurationException($"KUBERNETES_SERVICE_PORT is no port: {port}");
        }

        var authorities = new X509Certificate2Collection();
        var authority = Path.Combine(directory, "ca.crt");
        try
        {
            authorities.ImportFromPemFile(authority);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new KubernetesConfigurationException($"the cluster's authority can't be read from {authority}: {e.Message}", e);
        }

        var namespaceFile = Path.Combine(directory, "namespace");
        return new KubernetesConnection(new UriBuilder("https", host, number).Uri)
        {
            Authorities = authorities,
            Namespace = File.Exists(namespaceFile) ? File.ReadAllText(namespaceFile).Trim() : null,
            Credentials = new TokenFile(token, timeProvider).GetAsync,
        };
    }

    /// <summary>A token that the kubelet replaces long before it expires; read again once a minute.</summary>
    private sealed class TokenFile(string path, TimeProvider timeProvider)
    {
        private static readonly TimeSpan GoodFor = TimeSpan.FromMinutes(1);

        private (AuthenticationHeaderValue Header, long ReadAt)? last;
        private readonly Lock gate = new();

        public ValueTask<AuthenticationHeaderValue?> GetAsync(CancellationToken cancellationToken)
        {
            lock (gate)
            {
                if (last is not { } known || timeProvider.GetElapsedTime(known.ReadAt) >= GoodFor)
                {
                    known = (new AuthenticationHeaderValue("Bearer", File.ReadAllText(path).Trim()), timeProvider.GetTimestamp());
                    last = known;
                }

                return ValueTask.FromResult<AuthenticationHeaderValue?>(known.Header);
            }
        }
    }
}
