using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using DaprK8s.Common.Hosting;
using DaprK8s.Common.Identity;
using DaprK8s.Common.Kubernetes;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Injector.Kubernetes;

/// <summary>
/// Keeps the trust anchors in the webhook's configuration, so that the API server trusts our certificate (contract: k8s 3.13): at the
/// start, at each change of the anchors, and when somebody takes them away again.
/// </summary>
internal sealed class WebhookCaBundle
{
    /// <summary>The object.</summary>
    public const string Name = "dapr-sidecar-injector";

    private readonly KubernetesClient client;
    private readonly TrustAnchorSource anchors;
    private readonly ILogger logger;
    private readonly TimeProvider time;
    private readonly Informer<WebhookConfiguration> stored;
    private readonly WakeUp wake = new();
    private string complaint = "";
    private TrustAnchors? written;

    public WebhookCaBundle(KubernetesClient client, TrustAnchorSource anchors, ILogger logger, TimeProvider time)
    {
        (this.client, this.anchors, this.logger, this.time) = (client, anchors, logger, time);
        stored = new Informer<WebhookConfiguration>(client, WebhookConfiguration.Resource, new InformerScope { FieldSelector = $"metadata.name={Name}" }, logger, time)
        {
            Changed = _ => wake.Call(),
        };
    }

    /// <summary>Whether the API server has been told once.</summary>
    public bool IsPatched => written is not null;

    /// <summary>Runs until cancellation.</summary>
    /// <exception cref="KubernetesException">We may not patch the object at all.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var watching = stored.RunAsync(stop.Token);
        try
        {
            await KeepAsync(cancellationToken);
        }
        finally
        {
            await stop.CancelAsync();
            await watching;
        }
    }

    private async Task KeepAsync(CancellationToken cancellationToken)
    {
        var pause = new BackOff(TimeSpan.FromMilliseconds(250), TimeSpan.FromSeconds(10), 2);
        await anchors.Ready.WaitAsync(cancellationToken);
        while (true)
        {
            var next = anchors.Changed;
            var patience = Timeout.InfiniteTimeSpan;
            try
            {
                await BringUpToDateAsync(anchors.Current!, cancellationToken);
                complaint = "";
                pause.Reset();
            }
            catch (KubernetesException e) when (e.IsForbidden && !IsPatched)
            {
                throw new InvalidOperationException(
                    $"error when updating webhook configuration {Name}: {e.Message} (a role must allow 'patch' on 'mutatingwebhookconfigurations.admissionregistration.k8s.io' named '{Name}')", e);
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
            {
                Complain(e);
                patience = pause.Next();
            }

            await wake.WaitAsync(next, patience, time, cancellationToken);
        }
    }

    private async Task BringUpToDateAsync(TrustAnchors own, CancellationToken cancellationToken)
    {
        // At a change of our anchors all that is there is replaced. In between another replica may be ahead of us: what holds more
        // than ours is left alone, or the two would overwrite each other until both have read the same file.
        var isNew = written is null || !written.IsSameAs(own);
        var known = stored.Find(null, Name);
        IReadOnlyList<int> outdated = known is null
            ? isNew ? [0] : []
            : [.. (known.Webhooks ?? []).Index().Where(w => isNew ? !IsSame(w.Item, own) : !Holds(w.Item, own)).Select(w => w.Index)];
        if (outdated.Count > 0)
        {
            var patch = new JsonArray([.. outdated.Select(i => (JsonNode)new JsonObject { ["op"] = "add", ["path"] = $"/webhooks/{i}/clientConfig/caBundle", ["value"] = own.Bundle })]);
            await client.PatchAsync(WebhookConfiguration.Resource, null, Name, PatchKind.Json, patch, cancellationToken);
            logger.LogInformation("Webhook configuration {Name} trusts {Count} CA certificates now", Name, own.Certificates.Count);
        }

        written = own;
    }

    private static bool IsSame(Webhook webhook, TrustAnchors own) => Certificates(webhook) is { } there && there.Count == own.Certificates.Count && HoldsAll(there, own);

    private static bool Holds(Webhook webhook, TrustAnchors own) => Certificates(webhook) is { } there && HoldsAll(there, own);

    private static bool HoldsAll(X509Certificate2Collection there, TrustAnchors own)
        => own.Certificates.All(mine => there.Any(c => c.RawDataMemory.Span.SequenceEqual(mine.RawDataMemory.Span)));

    private static X509Certificate2Collection? Certificates(Webhook webhook)
    {
        if (webhook.ClientConfig?.CaBundle is not { Length: > 0 } bundle)
        {
            return null;
        }

        try
        {
            var certificates = new X509Certificate2Collection();
            certificates.ImportFromPem(Encoding.ASCII.GetString(Convert.FromBase64String(bundle)));
            return certificates;
        }
        catch (Exception e) when (e is FormatException or CryptographicException)
        {
            return null;
        }
    }

    private void Complain(Exception e)
    {
        if (e.Message == complaint)
        {
            return;
        }

        complaint = e.Message;
        logger.LogError(
            "The webhook configuration {Name} could not be given the CA bundle, trying again{Consequence}: {Problem}",
            Name, IsPatched ? "" : "; until then the API server does not trust this webhook", e.Message);
    }
}
