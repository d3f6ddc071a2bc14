using System.Text.Json;
using DaprK8s.Common.Hosting;
using DaprK8s.Common.Resources;
using DaprK8s.Components;
using DaprK8s.Components.Metadata;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Runtime;

/// <summary>
/// Brings up the resolver of <c>spec.nameResolution</c>, the mode's own when there is none (contract: messaging 6.1). A failure is tried
/// again in the background.
/// </summary>
/// <param name="isKubernetes">The mode: the cluster's DNS instead of mDNS.</param>
/// <param name="spec">What is configured.</param>
/// <param name="self">This sidecar.</param>
/// <param name="resolution">Where the resolver is put.</param>
/// <param name="announcement">What it announces.</param>
/// <param name="loggers">For outcomes.</param>
/// <param name="time">The clock.</param>
internal sealed class NameResolverLoader(
    bool isKubernetes, NameResolutionSpec? spec, SidecarInfo self, NameResolution resolution, Announcement announcement, ILoggerFactory loggers, TimeProvider time)
    : IAsyncDisposable
{
    private readonly ILogger logger = loggers.CreateLogger("dapr.runtime");
    private readonly CancellationTokenSource stopping = new();
    private Task? loop;

    /// <summary>Tries once in the foreground; what fails goes on in the background while the sidecar serves.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var done = await TryAsync(cancellationToken);
        resolution.MarkTried();
        if (done)
        {
            return;
        }

        loop = Task.Run(async () =>
        {
            var pause = new BackOff(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30));
            do
            {
                await Task.Delay(pause.Next(), time, stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            while (!stopping.IsCancellationRequested && !await TryAsync(stopping.Token));
        });
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        if (loop is not null)
        {
            await loop;
        }

        if (resolution.Current is { } resolver)
        {
            resolution.Current = null;
            await resolver.DisposeAsync();
        }

        stopping.Dispose();
    }

    private async Task<bool> TryAsync(CancellationToken cancellationToken)
    {
        var type = "nameresolution." + (spec?.Component is { Length: > 0 } c ? c : isKubernetes ? "kubernetes" : "mdns");
        var version = spec?.Version is { Length: > 0 } v ? v : "v1";
        INameResolver? resolver = null;
        try
        {
            if (!ProviderCatalog.TryFind(type, version, out var entry) || entry.Kind != ComponentKind.NameResolution)
            {
                throw new ComponentConfigurationException($"couldn't find name resolver {type}/{version}");
            }

            var descriptor = entry.Describe();
            var metadata = new ComponentMetadata(Settings());
            if (metadata.Validate(descriptor.Fields) is [var problem, ..])
            {
                throw new ComponentConfigurationException(problem.Message);
            }

            resolver = (INameResolver)descriptor.Create();
            await resolver.InitAsync(Context(type, version, metadata), cancellationToken);
            await resolver.AnnounceAsync(announcement, cancellationToken);
            resolution.Current = resolver;
            logger.LogInformation("Initialized name resolution to {Type}", type["nameresolution.".Length..]);
            return true;
        }
        catch (Exception e)
        {
            if (resolver is not null)
            {
                await resolver.DisposeAsync();
            }

            if (cancellationToken.IsCancellationRequested)
            {
                return true;
            }

            logger.LogWarning("failed to init name resolution, invocations of other apps will fail: {Error}", e.Message);
            return e is ComponentConfigurationException or ComponentMetadataException;
        }
    }

    private ComponentContext Context(string type, string version, ComponentMetadata metadata)
        => new()
        {
            Name = type,
            Type = type,
            Version = version,
            Metadata = metadata,
            AppId = self.AppId,
            Namespace = self.Namespace,
            Time = time,
            Logger = loggers.CreateLogger("dapr.contrib"),
        };

    private IEnumerable<KeyValuePair<string, string>> Settings()
        => spec?.Configuration is { ValueKind: JsonValueKind.Object } settings
            ? settings.EnumerateObject().Select(p => KeyValuePair.Create(p.Name, p.Value.ValueKind == JsonValueKind.String ? p.Value.GetString()! : p.Value.GetRawText()))
            : [];
}
