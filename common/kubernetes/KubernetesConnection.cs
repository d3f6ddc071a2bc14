using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;

namespace DaprK8s.Common.Kubernetes;

/// <summary>Where the API server is, how it is recognised, and who we are to it.</summary>
public sealed class KubernetesConnection : IDisposable
{
    /// <summary>Where a pod finds its service account.</summary>
    public const string ServiceAccountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount";

    internal KubernetesConnection(Uri server) => Server = server;

    /// <summary>The API server.</summary>
    public Uri Server { get; }

    /// <summary>The namespace that the credentials are for, when they say so.</summary>
    public string? Namespace { get; internal init; }

    /// <summary>Whether something on the way to the server may be judged by the root certificates of the system.</summary>
    public bool NeedsSystemRoots => CredentialsCallOut || (Authorities is null && !SkipsServerVerification);

    /// <summary>Others are asked for the credentials: a program, or a server of identities.</summary>
    internal bool CredentialsCallOut { get; init; }

    /// <summary>The only authorities that may have issued the server's certificate; those of the system when absent.</summary>
    internal X509Certificate2Collection? Authorities { get; init; }

    /// <summary>What the client proves itself with, besides or instead of a token.</summary>
    internal X509Certificate2? ClientCertificate { get; init; }

    /// <summary>What the client proves itself with when its key is one that the platform's TLS doesn't take.</summary>
    internal Ed25519Client? Ed25519 { get; init; }

    /// <summary>The name that the server's certificate must carry, when it is not the address.</summary>
    internal string? ServerName { get; init; }

    /// <summary>The file wants the server's certificate not to be looked at.</summary>
    internal bool SkipsServerVerification { get; init; }

    /// <summary>Gives the <c>Authorization</c> header.</summary>
    internal Func<CancellationToken, ValueTask<AuthenticationHeaderValue?>> Credentials { get; init; } = static _ => ValueTask.FromResult<AuthenticationHeaderValue?>(null);

    /// <summary>
    /// Finds the API server: <paramref name="kubeconfig"/>, then the variable <c>KUBECONFIG</c>, then the cluster that this process
    /// runs in, then <c>~/.kube/config</c> (contract: k8s 2.1).
    /// </summary>
    /// <param name="kubeconfig">The file that the flag names, or nothing.</param>
    /// <param name="timeProvider">The clock.</param>
    /// <param name="serviceAccount">Where the pod's service account is mounted.</param>
    /// <exception cref="KubernetesConfigurationException">There is nothing usable; the message tells what was looked at.</exception>
    public static KubernetesConnection Find(string? kubeconfig, TimeProvider timeProvider, string serviceAccount = ServiceAccountDirectory)
    {
        if (!string.IsNullOrEmpty(kubeconfig))
        {
            return KubeConfigFile.Read(kubeconfig);
        }

        if (!string.IsNullOrEmpty(Environment.GetEnvironmentVariable("KUBECONFIG")))
        {
            return KubeConfigFile.ReadFromEnvironment();
        }

        if (InCluster.Find(serviceAccount, Environment.GetEnvironmentVariable, timeProvider) is { } cluster)
        {
            return cluster;
        }

        var home = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".kube", "config");
        return File.Exists(home)
            ? KubeConfigFile.Read(home)
            : throw new KubernetesConfigurationException(
                "no Kubernetes cluster is known: there is no --kubeconfig, no KUBECONFIG, no ~/.kube/config, and this process does not run in a pod with a service account");
    }

    /// <summary>
    /// Finds the API server for a component of an app: the cluster that this process runs in, then <paramref name="kubeconfig"/>, then the
    /// variable <c>KUBECONFIG</c>, then <c>~/.kube/config</c> (contract: k8s 5.5).
    /// </summary>
    /// <param name="kubeconfig">The file that the component names, or nothing.</param>
    /// <param name="timeProvider">The clock.</param>
    /// <param name="serviceAccount">Where the pod's service account is mounted.</param>
    /// <exception cref="KubernetesConfigurationException">There is nothing usable; the message tells what was looked at.</exception>
    public static KubernetesConnection FindForComponent(string? kubeconfig, TimeProvider timeProvider, string serviceAccount = ServiceAccountDirectory)
        => InCluster.Find(serviceAccount, Environment.GetEnvironmentVariable, timeProvider) ?? Find(kubeconfig, timeProvider, serviceAccount);

    /// <inheritdoc/>
    public void Dispose()
    {
        ClientCertificate?.Dispose();
        foreach (var authority in Authorities ?? [])
        {
            authority.Dispose();
        }
    }
}

/// <summary>The way to the API server can't be told from what is configured.</summary>
public sealed class KubernetesConfigurationException(string message, Exception? inner = null) : Exception(message, inner);
