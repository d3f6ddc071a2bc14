using System.Net;
using System.Text.Json.Nodes;
using DaprK8s.Common.ControlPlane;
using DaprK8s.Common.Hosting;
using DaprK8s.Common.Identity;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Operator.Crds;
using DaprK8s.Operator.Resources;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Operator.Webhooks;

/// <summary>The CRD can't be told how to reach the webhook; fatal (contract: k8s 2.12).</summary>
internal sealed class WebhookCaException(string message) : Exception(message);

/// <summary>
/// Tells the API server by which certificates it knows the webhooks: in the CRD of Subscriptions, and in the configuration of the
/// validating webhook. Done at the start, whenever the trust anchors change, and when somebody applies the objects anew. Other replicas do
/// the same, and may have read another version of the anchors' file: what holds more than ours is left alone until ours change, or the
/// replicas would overwrite each other.
/// </summary>
internal sealed class WebhookCa(KubernetesClient client, TrustAnchorSource anchors, string @namespace, ILogger logger, TimeProvider time)
{
    /// <summary>The CRD that has a conversion.</summary>
    public const string Crd = "subscriptions.dapr.io";

    /// <summary>The configuration of the validating webhook.</summary>
    public const string Validation = "dapr-operator-validation";

    private const string FieldManager = "dapr-operator";

    private readonly WakeUp wake = new();
    private readonly BackOff pause = new(TimeSpan.FromMilliseconds(250), TimeSpan.FromSeconds(10), 2);
    private readonly Complaint noConversion = new();
    private readonly Complaint noRelease = new();
    private readonly Complaint noValidation = new();
    private TrustAnchors? told;

    /// <summary>Whether the CRD was seen to.</summary>
    public bool IsReady { get; private set; }

    /// <summary>Keeps both up to date until cancellation.</summary>
    /// <exception cref="WebhookCaException">The CRD can't be patched at the start.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await anchors.Ready.WaitAsync(cancellationToken);
        while (!await TryAsync(cancellationToken))
        {
            await Task.Delay(pause.Next(), time, cancellationToken);
        }

        IsReady = true;
        await using var loops = new Loops(cancellationToken);
        loops.Start(Follow(ApiResources.CustomResourceDefinitions, Crd).RunAsync);
        loops.Start(Follow(ApiResources.ValidatingWebhookConfigurations, Validation).RunAsync);
        loops.Start(RepeatAsync);
        await loops.WatchAsync();
    }

    private async Task RepeatAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var changed = anchors.Changed;
            await wake.WaitAsync(changed, await TryAsync(cancellationToken) ? Timeout.InfiniteTimeSpan : pause.Next(), time, cancellationToken);
        }
    }

    // At the start, what the API server says of the CRD is fatal; that it can't be reached passes. Later, nothing is a reason to stop
    // serving sidecars.
    private async Task<bool> TryAsync(CancellationToken cancellationToken)
    {
        var own = anchors.Current!;
        var isNew = told is null || !told.IsSameAs(own);

        // One of the two may be missing for good.
        var isCrdTold = await TryAsync(() => PatchCrdAsync(own, isNew, cancellationToken), noConversion, cancellationToken);
        if (!await TryAsync(() => PatchValidationAsync(own, isNew, cancellationToken), noValidation, cancellationToken) || !isCrdTold)
        {
            return false;
        }

        told = own;
        noConversion.End();
        pause.Reset();
        return true;
    }

    private async Task<bool> TryAsync(Func<Task> patch, Complaint complaint, CancellationToken cancellationToken)
    {
        try
        {
            await patch();
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested && (IsReady || e is not WebhookCaException))
        {
            if (complaint.IsNew(e is WebhookCaException ? e.Message : KubernetesException.CauseOf(e)))
            {
                logger.LogError("the API server can't be told the certificates of the webhooks, trying again: {Error}", KubernetesException.Explain(e));
            }

            return false;
        }

        return true;
    }

    private Informer<PartialObject> Follow(ApiResource<JsonObject> resource, string name)
        => new(
            client,
            ApiResources.MetadataOf(resource.Group, resource.Version, resource.Plural),
            new InformerScope { FieldSelector = $"metadata.name={name}", MetadataOnly = true },
            logger,
            time)
        {
            Changed = _ => wake.Call(),
        };

    private async Task PatchCrdAsync(TrustAnchors own, bool isNew, CancellationToken cancellationToken)
    {
        JsonObject crd;
        try
        {
            crd = await client.GetAsync(ApiResources.CustomResourceDefinitions, null, Crd, cancellationToken);
        }
        catch (KubernetesException e) when (!e.IsPassing)
        {
            throw new WebhookCaException($"could not get CRD \"{Crd}\": {KubernetesException.Explain(e)}");
        }

        if (crd.Member("spec").Member("conversion").Member("webhook").Member("clientConfig") is not JsonObject config)
        {
            throw new WebhookCaException(
                $"crd \"{Crd}\" does not have an existing webhook client config. Applying resources of this type will fail");
        }

        if (config["service"].Member("namespace").Text() != @namespace || !IsTold(config["caBundle"].Text(), own, isNew))
        {
            try
            {
                const string Root = "/spec/conversion/webhook/clientConfig";
                var service = config["service"] is JsonObject
                    ? Add($"{Root}/service/namespace", @namespace)
                    : Add($"{Root}/service", new JsonObject { ["namespace"] = @namespace, ["name"] = "dapr-webhook", ["path"] = "/convert" });
                var patch = new JsonArray(service, Add($"{Root}/caBundle", own.Bundle));
                crd = await client.PatchAsync(ApiResources.CustomResourceDefinitions, null, Crd, PatchKind.Json, patch, cancellationToken, FieldManager);
                logger.LogInformation("Successfully patched webhook in CRD {Name}", Crd);
            }
            catch (KubernetesException e) when (!e.IsPassing)
            {
                throw new WebhookCaException($"failed to patch webhook in CRD \"{Crd}\": {KubernetesException.Explain(e)}");
            }
        }

        await ReleaseCrdAsync(crd, cancellationToken);
    }

    // After an uninstall the chart's copy, with its placeholder, must be free to come back.
    private async Task ReleaseCrdAsync(JsonObject crd, CancellationToken cancellationToken)
    {
        if (DefinitionOwners.Release(crd, "spec", "conversion", "webhook", "clientConfig") is not { } patch)
        {
            return;
        }

        try
        {
            await client.PatchAsync(ApiResources.CustomResourceDefinitions, null, Crd, PatchKind.Merge, patch, cancellationToken, FieldManager);
            noRelease.End();
        }
        catch (KubernetesException e) when (e.IsConflict)
        {
            logger.LogDebug("CRD {Name} was changed meanwhile, and is looked at again", Crd);
        }
        catch (KubernetesException e) when (!e.IsPassing)
        {
            if (noRelease.IsNew(KubernetesException.CauseOf(e)))
            {
                logger.LogWarning("a later helm install over CRD {Name} will need --force-conflicts: {Error}", Crd, KubernetesException.Explain(e));
            }
        }
    }

    private async Task PatchValidationAsync(TrustAnchors own, bool isNew, CancellationToken cancellationToken)
    {
        try
        {
            var configuration = await client.GetAsync(ApiResources.ValidatingWebhookConfigurations, null, Validation, cancellationToken);
            var patch = new JsonArray();
            foreach (var (index, webhook) in configuration["webhooks"].Objects().Index())
            {
                if (!IsTold(webhook.Member("clientConfig").Member("caBundle").Text(), own, isNew))
                {
                    patch.Add((JsonNode)Add($"/webhooks/{index}/clientConfig/caBundle", own.Bundle));
                }
            }

            if (patch.Count > 0)
            {
                await client.PatchAsync(ApiResources.ValidatingWebhookConfigurations, null, Validation, PatchKind.Json, patch, cancellationToken);
                logger.LogInformation("Successfully patched webhook configuration {Name}", Validation);
            }

            noValidation.End();
        }
        catch (KubernetesException e) when (e.StatusCode == HttpStatusCode.NotFound)
        {
            logger.LogDebug("resources are not validated when they are applied: there is no {Name}", Validation);
        }
        catch (KubernetesException e) when (e.MissingRight is not null)
        {
            // Charts of Dapr give no right to it; sidecars can do without.
            if (noValidation.IsNew(e.MissingRight))
            {
                logger.LogWarning("resources are not validated when they are applied: {Error}", KubernetesException.Explain(e));
            }
        }
    }

    private static bool IsTold(string bundle, TrustAnchors own, bool isNew) => bundle == own.Bundle || (!isNew && own.IsHeldBy(bundle));

    private static JsonObject Add(string path, JsonNode value) => new() { ["op"] = "add", ["path"] = path, ["value"] = value };
}
