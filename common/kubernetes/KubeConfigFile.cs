using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using k8s;
using k8s.Authentication;

namespace DaprK8s.Common.Kubernetes;

/// <summary>
/// The connection that a kubeconfig file describes, read by the official client library: merging of several files, credential plugins,
/// certificates in the file or beside it. It is the only part of the library in use (ADR 011).
/// </summary>
internal static class KubeConfigFile
{
    public static KubernetesConnection Read(string path)
        => Load($"kubeconfig {path}", () => KubernetesClientConfiguration.BuildConfigFromConfigFile(path));

    /// <summary>Reads the files that the variable names; of equal names in several, the first counts.</summary>
    public static KubernetesConnection ReadFromEnvironment() => Load("KUBECONFIG", KubernetesClientConfiguration.BuildDefaultConfig);

    private static KubernetesConnection Load(string source, Func<KubernetesClientConfiguration> read)
    {
        try
        {
            var file = read();
            var certificate = Pem(file.ClientCertificateFilePath, file.ClientCertificateData);
            var key = Pem(file.ClientKeyFilePath, file.ClientCertificateKeyData);
            var ed25519 = certificate is null || key is null ? null : Ed25519Client.Read(certificate, key);
            return new KubernetesConnection(new Uri(file.Host))
            {
                Namespace = file.Namespace,
                Authorities = file.SslCaCerts,
                ClientCertificate = certificate is null || key is null || ed25519 is not null ? null : X509Certificate2.CreateFromPem(certificate, key),
                Ed25519 = ed25519,
                ServerName = file.TlsServerName,
                SkipsServerVerification = file.SkipTlsVerify,
                Credentials = Credentials(file),
                CredentialsCallOut = file.TokenProvider is not null,
            };
        }
        catch (Exception e)
        {
            // The library throws what its parser throws; a text of the file may be in it, but no value of a credential field.
            throw new KubernetesConfigurationException($"{source} is not usable: {e.Message}", e);
        }
    }

    private static Func<CancellationToken, ValueTask<AuthenticationHeaderValue?>> Credentials(KubernetesClientConfiguration file)
    {
        if (file.TokenProvider is { } provider)
        {
            return cancellationToken => GetAsync(provider, cancellationToken);
        }

        var header = string.IsNullOrEmpty(file.AccessToken)
            ? string.IsNullOrEmpty(file.Username)
                ? null
                : new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{file.Username}:{file.Password}")))
            : new AuthenticationHeaderValue("Bearer", file.AccessToken);
        return _ => ValueTask.FromResult(header);
    }

    private static async ValueTask<AuthenticationHeaderValue?> GetAsync(ITokenProvider provider, CancellationToken cancellationToken)
        => await provider.GetAuthenticationHeaderAsync(cancellationToken);

    private static string? Pem(string? path, string? data)
        => !string.IsNullOrEmpty(path) ? File.ReadAllText(path)
            : !string.IsNullOrEmpty(data) ? Encoding.UTF8.GetString(Convert.FromBase64String(data))
            : null;
}
