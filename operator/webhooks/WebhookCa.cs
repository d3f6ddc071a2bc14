using System.Text;
using System.Text.Json.Nodes;
using DaprK8s.Common.ControlPlane;
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
/// validating webhook. Done at the start, whenever the trust anchors change, and when somebody applies the objects anew.
/// </summary>
internal sealed class WebhookCa(KubernetesClient client, TrustAnchorSource anchors, string @namespace, ILogger logger, TimeProvider time)
{
    /// <summary>The CRD that has a conversion.</summary>
    public const string Crd = "subscriptions.dapr.io";

    /// <summary>The configuration of the validating webhook.</summary>
    public const string Validation = "dapr-operator-validation";

    private const string FieldManager = "dapr-operator";

    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(2);

    private readonly SemaphoreSlim applied = new(0);

    /// <summary>Whether the CRD was seen to.</summary>
    public bool IsReady { get; private set; }

    /// <summary>Keeps both up to date until cancellation.</summary>
    /// <exception cref="WebhookCaException">The CRD can't be patched at the start.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await anchors.Ready.WaitAsync(cancellationToken);
        await UntilReachedAsync(PatchCrdAsync, cancellationToken);
        await UntilReachedAsync(PatchValidationAsync, cancellationToken);
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
            await PatchAgainAsync(cancellationToken);
            var again = applied.WaitAsync(cancellationToken);
            await Task.WhenAny(changed, again);
            cancellationToken.ThrowIfCancellationRequested();
            if (!again.IsCompleted)
            {
                applied.Release();
                await again;
            }
        }
    }

    // What worked once and fails now is no reason to stop serving sidecars.
    private async Task PatchAgainAsync(CancellationToken cancellationToken)
    {
        try
        {
            await PatchCrdAsync(cancellationToken);
            await PatchValidationAsync(cancellationToken);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            logger.LogError("the API server can't be told the certificates of the webhooks, trying again: {Error}", e.Message);
            await Task.Delay(RetryPause, time, cancellationToken);
            applied.Release();
        }
    }

    private Informer<PartialObject> Follow(ApiResource<JsonObject> resource, string name)
        => new(
            client,
            ApiResources.MetadataOf(resource.Group, resource.Version, resource.Plural),
            new InformerScope { FieldSelector = $"metadata.name={name}", MetadataOnly = true },
            logger,
            time)
        {
            Changed = _ => applied.Release(),
        };

    // Only what the API server says of the objects is fatal; that it can't be reached passes.
    private async Task UntilReachedAsync(Func<CancellationToken, Task> patch, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await patch(cancellationToken);
                return;
            }
            catch (Exception e) when (e is HttpRequestException or IOException or TimeoutException)
            {
                logger.LogWarning("the API server can't be told the certificates of the webhooks, trying again: {Error}", e.Message);
                await Task.Delay(RetryPause, time, cancellationToken);
            }
        }
    }

    private async Task PatchCrdAsync(CancellationToken cancellationToken)
    {
        JsonObject crd;
        try
        {
            crd = await client.GetAsync(ApiResources.CustomResourceDefinitions, null, Crd, cancellationToken);
        }
        catch (KubernetesException e)
        {
            throw new WebhookCaException($"could not get CRD \"{Crd}\": {KubernetesException.Explain(e)}");
        }

        if (crd.Member("spec").Member("conversion").Member("webhook").Member("clientConfig") is not JsonObject config || config["service"] is not JsonObject service)
        {
            throw new WebhookCaException(
                $"crd \"{Crd}\" does not have an existing webhook client config. Applying resources of this type will fail");
        }

        var bundle = Bundle();
        if (service["namespace"].Text() != @namespace || config["caBundle"].Text() != bundle)
        {
            try
            {
                const string Root = "/spec/conversion/webhook/clientConfig";
                var patch = new JsonArray(Add($"{Root}/service/namespace", @namespace), Add($"{Root}/caBundle", bundle));
                crd = await client.PatchAsync(ApiResources.CustomResourceDefinitions, null, Crd, PatchKind.Json, patch, cancellationToken, FieldManager);
                logger.LogInformation("Successfully patched webhook in CRD {Name}", Crd);
            }
            catch (KubernetesException e)
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
        }
        catch (KubernetesException e) when (e.IsConflict)
        {
            logger.LogDebug("CRD {Name} was changed meanwhile, and is looked at again", Crd);
        }
        catch (KubernetesException e)
        {
            logger.LogWarning("a later helm install over CRD {Name} will need --force-conflicts: {Error}", Crd, KubernetesException.Explain(e));
        }
    }

    private async Task PatchValidationAsync(CancellationToken cancellationToken)
    {
        try
        {
            var configuration = await client.GetAsync(ApiResources.ValidatingWebhookConfigurations, null, Validation, cancellationToken);
            var bundle = Bundle();
            var patch = new JsonArray();
            foreach (var (index, webhook) in configuration["webhooks"].Objects().Index())
            {
                if (webhook.Member("clientConfig").Member("caBundle").Text() != bundle)
                {
                    patch.Add((JsonNode)Add($"/webhooks/{index}/clientConfig/caBundle", bundle));
                }
            }

            if (patch.Count > 0)
            {
                await client.PatchAsync(ApiResources.ValidatingWebhookConfigurations, null, Validation, PatchKind.Json, patch, cancellationToken);
                logger.LogInformation("Successfully patched webhook configuration {Name}", Validation);
            }
        }
        catch (KubernetesException e) when (e.StatusCode == System.Net.HttpStatusCode.NotFound)
        {
            logger.LogDebug("resources are not validated when they are applied: there is no {Name}", Validation);
        }
        catch (KubernetesException e)
        {
            // Charts of Dapr give no right to it; sidecars can do without.
            logger.LogWarning("resources are not validated when they are applied: {Error}", KubernetesException.Explain(e));
        }
    }

    private string Bundle() => Convert.ToBase64String(Encoding.ASCII.GetBytes(anchors.Current!.Pem));

    private static JsonObject Add(string path, string value) => new() { ["op"] = "add", ["path"] = path, ["value"] = value };
}
