using System.Buffers;
using System.Text.Json;
using System.Threading.Channels;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Components.Metadata;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.Bindings.Kubernetes;

/// <summary>
/// <c>bindings.kubernetes</c>: tells the app of the Events of a namespace (contract: components 5.14). The pod's service account must be
/// allowed to <c>list</c> and <c>watch</c> them. Whoever begins to read is told first what is there.
/// </summary>
internal sealed class KubernetesEventsBinding : IInputBinding
{
    // What the reference writes for the side that is not there.
    private static readonly byte[] Nothing =
        """{"metadata":{"creationTimestamp":null},"involvedObject":{},"source":{},"firstTimestamp":null,"lastTimestamp":null,"eventTime":null,"reportingComponent":"","reportingInstance":""}"""u8.ToArray();

    private static readonly MetadataField<string> Namespace = Field.Text("namespace", "The namespace whose Events are told.", required: true);

    private static readonly MetadataField<string> KubeConfigPath = Field.Text(
        "kubeconfigPath", "The kubeconfig file to use outside of a cluster; the variable KUBECONFIG and ~/.kube/config when it is left out.");

    private static readonly MetadataField<TimeSpan> ResyncPeriod = Field.Duration(
        "resyncPeriod", "Accepted for manifests that have it; changes are watched, so there is nothing to be repeated.", TimeSpan.FromSeconds(10), "resyncPeriodInSec");

    private KubernetesClient? client;
    private InformerScope scope = new();
    private ComponentContext? context;

    public static ProviderDescriptor Describe()
        => new("Tells the Events of a Kubernetes namespace.", [Namespace, KubeConfigPath, ResyncPeriod], static () => new KubernetesEventsBinding());

    /// <inheritdoc/>
    public async Task InitAsync(ComponentContext context, CancellationToken cancellationToken)
    {
        this.context = context;
        scope = new InformerScope { Namespace = context.Metadata.Get(Namespace) };
        client = new KubernetesClient(KubernetesConnection.FindForComponent(context.Metadata.Get(KubeConfigPath), context.Time), context.Time);

        // A refusal is told here; the watch itself would go on trying.
        await client.ListAsync(ApiResources.MetadataOf("events"), scope with { MetadataOnly = true }, cancellationToken);
    }

    /// <inheritdoc/>
    public async Task ReadAsync(BindingHandler handler, CancellationToken cancellationToken)
    {
        if (client is null || context is null)
        {
            throw new InvalidOperationException("binding is closed");
        }

        // Events come in bursts of a few kilobytes each, and the cluster forgets them after an hour.
        var changes = Channel.CreateUnbounded<ResourceChange<KubernetesEvent>>(new UnboundedChannelOptions { SingleReader = true });
        var informer = new Informer<KubernetesEvent>(client, KubernetesEvent.Resource, scope, context.Logger, context.Time)
        {
            Read = KubernetesEvent.Read,
            Changed = change => changes.Writer.TryWrite(change),
        };
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var watching = informer.RunAsync(stop.Token);
        try
        {
            await foreach (var change in changes.Reader.ReadAllAsync(cancellationToken))
            {
                await TellAsync(change, handler);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Reading is to end.
        }
        finally
        {
            await stop.CancelAsync();
            await watching;
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        client?.Dispose();
        client = null;
        return ValueTask.CompletedTask;
    }

    // An Event can't be given back: one that the app did not take is told in the log, and the next one follows.
    private async Task TellAsync(ResourceChange<KubernetesEvent> change, BindingHandler handler)
    {
        try
        {
            await handler(new BindingEvent(Write(change)), CancellationToken.None);
        }
        catch (Exception e)
        {
            context!.Logger.LogWarning("{Component}: the app did not take an event: {Error}", context.LogName, e.Message);
        }
    }

    private static ReadOnlyMemory<byte> Write(ResourceChange<KubernetesEvent> change)
    {
        var buffer = new ArrayBufferWriter<byte>(2048);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("event", change.Before is null ? "add" : change.After is null ? "delete" : "update");
            json.WritePropertyName("oldVal");
            json.WriteRawValue((change.Before?.Json ?? Nothing).Span, skipInputValidation: true);
            json.WritePropertyName("newVal");
            json.WriteRawValue((change.After?.Json ?? Nothing).Span, skipInputValidation: true);
            json.WriteEndObject();
        }

        return buffer.WrittenMemory;
    }
}
