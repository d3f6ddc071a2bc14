using DaprK8s.Common.ControlPlane;
using DaprK8s.Common.Identity;
using DaprK8s.Sentry.Jwt;
using DaprK8s.Sentry.Oidc;
using DaprK8s.Sentry.Rotation;
using DaprK8s.Sentry.Store;

namespace DaprK8s.Sentry.Server;

/// <summary>Everything that the command line and the environment say (contract: security 1.17).</summary>
internal sealed record SentryOptions : ServiceOptions
{
    public SentryOptions()
    {
    }

    public SentryOptions(ServiceOptions common)
        : base(common)
    {
    }

    /// <summary>Name of the Configuration, or its file when self-hosted.</summary>
    public string Config { get; init; } = "daprsystem";

    /// <summary>Whether <see cref="Config"/> was given; a file that nobody named need not exist.</summary>
    public bool ConfigGiven { get; init; }

    public bool IsKubernetes { get; init; }

    /// <summary>The directory of the bundle's files.</summary>
    public string Credentials { get; init; } = "/var/run/secrets/dapr.io/credentials";

    /// <summary>Names that items have in the store, where they differ from <see cref="BundleItems"/>: file names or absolute paths.</summary>
    public IReadOnlyDictionary<string, string> ItemNames { get; init; } = new Dictionary<string, string>();

    public string TrustDomain { get; init; } = "localhost";

    /// <summary>The control plane's namespace.</summary>
    public string Namespace { get; init; } = "default";

    public int Port { get; init; } = 50001;

    public string ListenAddress { get; init; } = "";

    public JwtSettings Jwt { get; init; } = new();

    /// <summary><see langword="null"/> when it is off.</summary>
    public OidcOptions? Oidc { get; init; }

    /// <summary>How long a new root is public before anything is signed under it.</summary>
    public TimeSpan Propagation { get; init; } = RotationPolicy.DefaultPropagation;

    /// <summary>Whether roots of sentry's own making are replaced without asking.</summary>
    public bool RotatesRoots { get; init; } = true;

    /// <summary>Sentry's own identity.</summary>
    public SpiffeId Id => SpiffeId.Create(TrustDomain, Namespace, "dapr-sentry");
}
