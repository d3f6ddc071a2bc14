using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Access;
using DaprK8s.KubernetesApi.Faults;
using DaprK8s.KubernetesApi.Kinds;
using DaprK8s.KubernetesApi.Storage;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.KubernetesApi.Requests;

/// <summary>The way of a request: who is it, what does it want, does it fail on purpose, may it, do it.</summary>
internal sealed class RequestPipeline(
    ObjectStore store, ResourceTypes types, Tokens tokens, AccessRules access, FaultPlan faults, Listing lists, Watching watches)
{
    private readonly Writing writes = new(store, types);

    public async Task HandleAsync(HttpContext context)
    {
        try
        {
            var user = tokens.UserOf(context.Request.Headers.Authorization) ?? throw ApiException.Unauthorized();
            var request = ApiRequest.Read(context.Request, types);
            using var reader = new StreamReader(context.Request.Body);
            var body = await reader.ReadToEndAsync(context.RequestAborted);
            faults.Record(new RequestRecord(
                user, request.Verb, request.Resource, request.Namespace, request.Name, context.Request.QueryString.Value ?? "", body, context.Request.Headers.Accept.ToString()));
            await faults.ApplyAsync(request, context);
            access.Check(request, user);
            await AnswerAsync(request, context, body);
        }
        catch (ApiException e) when (!context.Response.HasStarted)
        {
            await WriteAsync(context, e.Code, e.ToStatus());
        }
        catch (OperationCanceledException)
        {
            // The client has gone, or was cut off.
        }
    }

    private async Task AnswerAsync(ApiRequest request, HttpContext context, string body)
    {
        if (request.Resource == ApiRequest.TokenReviews)
        {
            await WriteAsync(context, 201, Review(body));
            return;
        }

        var form = Representation.For(context.Request.Headers.Accept);
        switch (request.Verb)
        {
            case "get":
                var found = store.Find(request.Type!, request.Namespace ?? "", request.Name);
                await WriteAsync(context, 200, form.Of(found ?? throw ApiException.NotFound(request.Type!, request.Name)));
                break;
            case "list":
                await WriteAsync(context, 200, lists.Answer(request, context.Request.Query, context.Request.Headers.Accept));
                break;
            case "watch":
                await watches.AnswerAsync(request, context);
                break;
            case "create":
                await WriteAsync(context, 201, form.Of(writes.Create(request, body)));
                break;
            case "update":
                await WriteAsync(context, 200, form.Of(writes.Update(request, body)));
                break;
            case "patch":
                await WriteAsync(context, 200, form.Of(writes.Patch(request, context.Request.ContentType, body)));
                break;
            case "delete":
                await WriteAsync(context, 200, form.Of(writes.Delete(request, body)));
                break;
        }
    }

    private JsonObject Review(string body)
    {
        var review = JsonNode.Parse(body)!.AsObject();
        var audiences = review["spec"]?["audiences"] as JsonArray ?? [];
        review["status"] = tokens.Review((string?)review["spec"]?["token"] ?? "", [.. audiences.Select(a => (string)a!)]);
        return review;
    }

    private static async Task WriteAsync(HttpContext context, int code, JsonObject body)
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(body.ToJsonString(), context.RequestAborted);
    }
}
