using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Resources;
using DaprK8s.Sentry.Rotation;
using DaprK8s.Sentry.Server;
using DaprK8s.Sentry.Store;
using DaprK8s.Sentry.Validators;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sentry.Kubernetes;

/// <summary>Sentry in a cluster: Secret and ConfigMap for the bundle, service account tokens as proof, events for people.</summary>
internal sealed class InKubernetes : ISentryPlatform
{
    private readonly KubernetesClient client;
    private readonly SentryOptions options;
    private readonly Func<string, string?> environment;

    /// <summary>Makes the platform; nothing is connected until it is used.</summary>
    /// <exception cref="KubernetesConfigurationException">The cluster can't be found.</exception>
    public InKubernetes(SentryOptions options, Func<string, string?> environment, ILoggerFactory loggers, TimeProvider time)
    {
        this.options = options;
        this.environment = environment;
        client = new KubernetesClient(KubernetesConnection.Find(options.Kubeconfig, time), time);
        Store = new KubernetesCaStore(client, options.Namespace, options.ItemNames, time, loggers.CreateLogger("dapr.sentry.ca"));
        Validator = new KubernetesValidator(client, options.Id, time, loggers.CreateLogger("dapr.sentry.validator.kubernetes"));
        Events = new KubernetesCaEvents(client, options.Namespace, Environment.MachineName, time, loggers.CreateLogger("dapr.sentry.ca"));
    }

    /// <inheritdoc/>
    public ICaStore Store { get; }

    /// <inheritdoc/>
    public IRequestValidator? Validator { get; }

    /// <inheritdoc/>
    public ICaEvents Events { get; }

    /// <inheritdoc/>
    public Task<MtlsSpec?> LoadConfigurationAsync(CancellationToken cancellationToken)
        => KubernetesConfiguration.LoadAsync(client, options.Config, environment(KubernetesConfiguration.NamespaceVariable), cancellationToken);

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        client.Dispose();
        return ValueTask.CompletedTask;
    }
}
