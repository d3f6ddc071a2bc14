using System.Globalization;
using System.Net;
using DaprK8s.Components.Metadata;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.NameResolution.Kubernetes;

/// <summary>
/// <c>nameresolution.kubernetes</c>: the pods of an app are the addresses of its headless Service <c>&lt;app id&gt;-dapr</c> (contract: k8s
/// 5.6, components 10.2). Names in use are looked up again every few seconds beside the calls, so that a new pod is found and one that
/// is gone is left out.
/// </summary>
internal sealed class KubernetesNameResolver(Func<string, CancellationToken, Task<IPAddress[]>>? lookUp = null) : INameResolver
{
    private const int MaxNames = 1024;

    private static readonly MetadataField<string> ClusterDomain = Field.Text("clusterDomain", "The domain of the cluster's Services.", "cluster.local");

    private static readonly MetadataField<string> Template = Field.Text(
        "template", "The address instead of the Service's, with {{.ID}}, {{.Namespace}} and {{.Port}} where they belong.");

    private readonly Func<string, CancellationToken, Task<IPAddress[]>> lookUp = lookUp ?? Dns.GetHostAddressesAsync;
    private readonly Dictionary<(string AppId, string Namespace, int Port), DnsName> names = [];
    private readonly Lock gate = new();
    private AddressTemplate? template;
    private string clusterDomain = "";
    private string ownNamespace = "";
    private TimeProvider time = TimeProvider.System;
    private ILogger? logger;

    /// <inheritdoc/>
    public string SearchedPlaces => template is null ? $"the DNS names <app id>-dapr.<namespace>.svc.{clusterDomain}" : "the DNS names of the configured template";

    /// <summary>What the catalogue says of it.</summary>
    public static ProviderDescriptor Describe()
        => new("Finds sidecars through the DNS names of their Kubernetes Services.", [ClusterDomain, Template], static () => new KubernetesNameResolver());

    /// <inheritdoc/>
    public Task InitAsync(ComponentContext context, CancellationToken cancellationToken)
    {
        (time, logger, ownNamespace) = (context.Time, context.Logger, context.Namespace);
        clusterDomain = context.Metadata.Get(ClusterDomain) is { Length: > 0 } domain ? domain : ClusterDomain.Default;
        try
        {
            template = context.Metadata.Get(Template) is { Length: > 0 } text ? AddressTemplate.Parse(text) : null;
        }
        catch (FormatException e)
        {
            throw new ComponentMetadataException(Template.Name, e.Message);
        }

        return Task.CompletedTask;
    }

    /// <summary>Nothing to do: the operator makes the Service.</summary>
    public Task AnnounceAsync(Announcement self, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<string>> ResolveAsync(string appId, string @namespace, int port, CancellationToken cancellationToken)
    {
        DnsName? name;
        var key = (appId, @namespace, port);
        lock (gate)
        {
            if (!names.TryGetValue(key, out name))
            {
                // Callers can ask for anything; forgetting what was looked up costs another look.
                if (names.Count >= MaxNames)
                {
                    names.Clear();
                }

                names[key] = name = Name(appId, @namespace, port);
            }
        }

        return name.GetAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private DnsName Name(string appId, string @namespace, int port)
    {
        var ns = @namespace.Length > 0 ? @namespace : ownNamespace.Length > 0 ? ownNamespace : "default";
        if (template is null)
        {
            return new DnsName($"{appId}-dapr.{ns}.svc.{clusterDomain}", port, lookUp, time, logger!);
        }

        var address = template.Fill(appId, ns, port);
        var colon = address.LastIndexOf(':');
        var isBare = colon < 0 || address.EndsWith(']') || address.IndexOf(':') != colon && !address.StartsWith('[');
        return isBare
            ? new DnsName(address.Trim('[', ']'), port, lookUp, time, logger!)
            : int.TryParse(address.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var own) && own is > 0 and <= 65535
                ? new DnsName(address[..colon].Trim('[', ']'), own, lookUp, time, logger!)
                : throw new InvalidOperationException($"the template of the name resolver gives {address}, which has no port at its end");
    }
}
