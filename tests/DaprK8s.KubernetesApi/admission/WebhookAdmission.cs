using System.Text;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.CustomResources;
using DaprK8s.KubernetesApi.Kinds;
using DaprK8s.KubernetesApi.Patches;
using DaprK8s.KubernetesApi.Requests;
using DaprK8s.KubernetesApi.Storage;

namespace DaprK8s.KubernetesApi.Admission;

/// <summary>Asks the webhooks of the cluster about a write: first those that may change it, one after the other, then those that judge it.</summary>
internal sealed class WebhookAdmission(ObjectStore store, ResourceTypes types, WebhookClient client, Conversion conversion)
{
    /// <summary>What the mutating webhooks make of an object.</summary>
    public async Task<JsonObject> MutateAsync(ApiRequest request, JsonObject body, JsonObject? old, WriteOptions options, CancellationToken cancellationToken)
    {
        if (IsExempt(request.Type!))
        {
            return body;
        }

        var webhooks = Configured("mutatingwebhookconfigurations.admissionregistration.k8s.io");
        var current = body;
        // A webhook that wants it is asked again when one behind it has changed the object after all.
        var seen = new Dictionary<Webhook, JsonObject>();
        foreach (var webhook in webhooks)
        {
            current = await AskMutatingAsync(webhook, request, current, old, options, cancellationToken);
            seen[webhook] = current;
        }

        foreach (var webhook in webhooks.Where(w => w.IsReinvoked && !JsonNode.DeepEquals(seen[w], current)).ToArray())
        {
            current = await AskMutatingAsync(webhook, request, current, old, options, cancellationToken);
        }

        return current;
    }

    /// <summary>Asks the validating webhooks.</summary>
    /// <param name="body">The object as it becomes; nothing when it is deleted.</param>
    /// <exception cref="ApiException">One refuses.</exception>
    public async Task ValidateAsync(ApiRequest request, JsonObject? body, JsonObject? old, WriteOptions options, CancellationToken cancellationToken)
    {
        if (IsExempt(request.Type!))
        {
            return;
        }

        if (body is null)
        {
            // A deletion changes nothing, yet mutating webhooks may refuse it too.
            foreach (var webhook in Configured("mutatingwebhookconfigurations.admissionregistration.k8s.io"))
            {
                await AskAsync(webhook, request, null, old, options, cancellationToken);
            }
        }

        foreach (var webhook in Configured("validatingwebhookconfigurations.admissionregistration.k8s.io"))
        {
            await AskAsync(webhook, request, body, old, options, cancellationToken);
        }
    }

    private async Task<JsonObject> AskMutatingAsync(
        Webhook webhook, ApiRequest request, JsonObject body, JsonObject? old, WriteOptions options, CancellationToken cancellationToken)
    {
        if (await AskAsync(webhook, request, body, old, options, cancellationToken) is not ({ } response, { } seenAs, { } asked)
            || (string?)response["patch"] is not { Length: > 0 } encoded)
        {
            return body;
        }

        try
        {
            if ((string?)response["patchType"] != "JSONPatch")
            {
                throw new WebhookException($"invalid response.patchType, must be JSONPatch: {(string?)response["patchType"]}");
            }

            var operations = JsonNode.Parse(Encoding.UTF8.GetString(Convert.FromBase64String(encoded))) as JsonArray ?? throw new WebhookException("the patch is no list");
            var patched = JsonPatch.Apply(asked, operations).AsObject();
            return seenAs.ApiVersion == request.Type!.ApiVersion
                ? patched
                : (await conversion.ToAsync([Unstored(seenAs, patched)], request.Type, cancellationToken))[0].ToNode();
        }
        catch (Exception e) when (e is WebhookException or FormatException or System.Text.Json.JsonException or ApiException)
        {
            throw new ApiException(500, "InternalError", $"Internal error occurred: failed calling webhook \"{webhook.Name}\": {e.Message}");
        }
    }

    private async Task<(JsonObject Response, ResourceType SeenAs, JsonObject Asked)?> AskAsync(
        Webhook webhook, ApiRequest request, JsonObject? body, JsonObject? old, WriteOptions options, CancellationToken cancellationToken)
    {
        var operation = request.Verb switch
        {
            "create" => "CREATE",
            "delete" or "deletecollection" => "DELETE",
            _ => "UPDATE",
        };
        var place = request.Type!.Namespaced ? store.Find(types.Named("namespaces"), "", request.Namespace ?? "")?.ToNode() : null;
        if (webhook.Selects(request, operation, types, place, body, old) is not { } wanted)
        {
            return null;
        }

        JsonObject answer;
        JsonObject? asked;
        try
        {
            asked = await SeenAsync(request.Type, wanted, body, cancellationToken);
            var review = Review(request, operation, wanted, asked, await SeenAsync(request.Type, wanted, old, cancellationToken), options);
            if (!webhook.Matches(review))
            {
                return null;
            }

            if (options.DryRun && webhook.HasSideEffects)
            {
                throw ApiException.BadRequest($"admission webhook \"{webhook.Name}\" does not support dry run");
            }

            var call = new JsonObject { ["kind"] = "AdmissionReview", ["apiVersion"] = "admission.k8s.io/v1", ["request"] = review };
            answer = await client.CallAsync(webhook.Client, call, webhook.Timeout, cancellationToken);
            if ((string?)answer["response"]?["uid"] != (string?)review["uid"])
            {
                throw new WebhookException($"expected response.uid=\"{(string?)review["uid"]}\", got \"{(string?)answer["response"]?["uid"]}\"");
            }
        }
        catch (WebhookException) when (webhook.FailsOpen)
        {
            return null;
        }
        catch (WebhookException e)
        {
            var problem = e.Message.StartsWith("matchCondition", StringComparison.Ordinal) || e.Message.StartsWith("expected", StringComparison.Ordinal)
                ? e.Message
                : $"failed to call webhook: {e.Message}";
            throw new ApiException(500, "InternalError", $"Internal error occurred: failed calling webhook \"{webhook.Name}\": {problem}");
        }

        var response = answer["response"]!.AsObject();
        foreach (var warning in response["warnings"] as JsonArray ?? [])
        {
            options.Warn((string?)warning ?? "");
        }

        return (bool?)response["allowed"] == true ? (response, wanted, asked ?? []) : throw Denied(webhook, response["status"] as JsonObject);
    }

    private static ApiException Denied(Webhook webhook, JsonObject? status)
    {
        var why = (string?)status?["message"] ?? (string?)status?["reason"];
        var code = (int?)status?["code"] is >= 400 and var given ? given : 400;
        var head = $"admission webhook \"{webhook.Name}\" denied the request";
        return new ApiException(
            code, (string?)status?["reason"] ?? "", why is { Length: > 0 } ? $"{head}: {why}" : $"{head} without explanation", status?["details"]?.DeepClone() as JsonObject);
    }

    private static JsonObject Review(ApiRequest request, string operation, ResourceType wanted, JsonObject? body, JsonObject? old, WriteOptions options)
    {
        var type = request.Type!;
        var metadata = (body ?? old)?["metadata"];
        var review = new JsonObject
        {
            ["uid"] = Guid.NewGuid().ToString(),
            ["kind"] = KindOf(wanted),
            ["resource"] = ResourceOf(wanted),
            ["requestKind"] = KindOf(type),
            ["requestResource"] = ResourceOf(type),
            ["name"] = request.Name.Length > 0 ? request.Name : (string?)metadata?["name"],
            ["namespace"] = request.Namespace,
            ["operation"] = operation,
            ["userInfo"] = options.Caller.ToJson(),
            ["object"] = body?.DeepClone(),
            ["oldObject"] = old?.DeepClone(),
            ["dryRun"] = options.DryRun,
            ["options"] = new JsonObject
            {
                ["kind"] = operation switch { "CREATE" => "CreateOptions", "DELETE" => "DeleteOptions", _ => "UpdateOptions" },
                ["apiVersion"] = "meta.k8s.io/v1",
            },
        };
        if (request.Subresource.Length > 0)
        {
            review["subResource"] = request.Subresource;
            review["requestSubResource"] = request.Subresource;
        }

        foreach (var absent in (string[])["name", "namespace"])
        {
            if (review[absent] is null)
            {
                review.Remove(absent);
            }
        }

        return review;
    }

    private static JsonObject KindOf(ResourceType type) => new() { ["group"] = type.Group, ["version"] = type.Version, ["kind"] = type.Kind };

    private static JsonObject ResourceOf(ResourceType type) => new() { ["group"] = type.Group, ["version"] = type.Version, ["resource"] = type.Plural };

    private async Task<JsonObject?> SeenAsync(ResourceType type, ResourceType wanted, JsonObject? body, CancellationToken cancellationToken)
        => body is null || type.ApiVersion == wanted.ApiVersion
            ? body
            : (await conversion.ToAsync([Unstored(type, body)], wanted, cancellationToken))[0].ToNode();

    private static StoredObject Unstored(ResourceType type, JsonObject body)
        => new(type, (string?)body["metadata"]?["namespace"] ?? "", (string?)body["metadata"]?["name"] ?? "", 0, System.Text.Json.JsonSerializer.SerializeToElement(body));

    /// <summary>Webhooks are never asked about their own configurations, lest nobody could mend them.</summary>
    private static bool IsExempt(ResourceType type) => type.Group == "admissionregistration.k8s.io";

    private List<Webhook> Configured(string kind)
        => [.. store.List(types.Named(kind), null).Items.SelectMany(c => c.ToNode()["webhooks"] as JsonArray ?? []).Select(w => new Webhook(w!.AsObject()))];
}
