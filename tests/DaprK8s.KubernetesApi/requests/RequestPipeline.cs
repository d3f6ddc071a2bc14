using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Access;
using DaprK8s.KubernetesApi.CustomResources;
using DaprK8s.KubernetesApi.Discovery;
using DaprK8s.KubernetesApi.Faults;
using DaprK8s.KubernetesApi.Kinds;
using DaprK8s.KubernetesApi.Protobuf;
using DaprK8s.KubernetesApi.Storage;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.KubernetesApi.Requests;

/// <summary>The way of a request: who is it, what does it want, does it fail on purpose, may it, do it.</summary>
internal sealed class RequestPipeline : IDisposable
{
    private readonly KubernetesApiServer server;
    private readonly ObjectStore store;
    private readonly Conversion conversion;
    private readonly Writing writes;
    private readonly Listing lists;
    private readonly Watching watches;
    private readonly Subresources subresources;
    private readonly Reviews reviews;
    private readonly Discovery.Discovery discovery;
    private readonly OpenApi openApi;
    private readonly Proxying proxy;

    public RequestPipeline(KubernetesApiServer server, ObjectStore store, Conversion conversion, Writing writes, Listing lists, Watching watches)
    {
        (this.server, this.store, this.conversion, this.writes, this.lists, this.watches) = (server, store, conversion, writes, lists, watches);
        subresources = new Subresources(store, writes, server.Tokens);
        reviews = new Reviews(server.Tokens, server.Access);
        discovery = new Discovery.Discovery(server.Types);
        openApi = new OpenApi(server.Types, () => server.Version);
        proxy = new Proxying(store, server.Services);
    }

    public async Task HandleAsync(HttpContext context)
    {
        try
        {
            if (await AnswerAnybodyAsync(context))
            {
                return;
            }

            var caller = Impersonated(context, server.Tokens.CallerOf(context.Request.Headers.Authorization) ?? throw ApiException.Unauthorized());
            if (await AnswerDiscoveryAsync(context, caller))
            {
                return;
            }

            var request = ApiRequest.Read(context.Request, server.Types);
            var isProxied = request.Subresource == "proxy";
            var body = isProxied ? "" : await ReadAsync(context);
            server.Faults.Record(new RequestRecord(
                caller.Username, request.Verb, request.Resource, request.Namespace, request.Name, context.Request.QueryString.Value ?? "", body, context.Request.Headers.Accept.ToString()));
            await server.Faults.ApplyAsync(request, context);
            server.Access.Check(request, caller);
            if (isProxied)
            {
                await proxy.AnswerAsync(request, context);
                return;
            }

            await AnswerAsync(request, context, body, caller);
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

    public void Dispose() => proxy.Dispose();

    /// <summary>Health and version are for everybody.</summary>
    private async Task<bool> AnswerAnybodyAsync(HttpContext context)
    {
        switch (context.Request.Path.Value)
        {
            case "/healthz" or "/livez" or "/readyz":
                await context.Response.WriteAsync("ok", context.RequestAborted);
                return true;
            case "/version" or "/version/":
                var numbers = server.Version.TrimStart('v').Split('.');
                await WriteAsync(context, 200, new JsonObject
                {
                    ["major"] = numbers[0],
                    ["minor"] = numbers.ElementAtOrDefault(1) ?? "0",
                    ["gitVersion"] = server.Version,
                    ["gitCommit"] = "",
                    ["gitTreeState"] = "clean",
                    ["buildDate"] = "2025-01-01T00:00:00Z",
                    ["goVersion"] = "go1.24",
                    ["compiler"] = "gc",
                    ["platform"] = "linux/amd64",
                });
                return true;
            default:
                return false;
        }
    }

    private async Task<bool> AnswerDiscoveryAsync(HttpContext context, Caller caller)
    {
        var path = context.Request.Path.Value!;
        if (!HttpMethods.IsGet(context.Request.Method))
        {
            return false;
        }

        var answer = path.StartsWith("/openapi/", StringComparison.Ordinal)
            ? (openApi.Answer(path) ?? throw ApiException.NoSuchPath(), "application/json")
            : discovery.Answer(path, context.Request.Headers.Accept.ToString(), server.Address);
        if (answer is not ({ } body, { } contentType))
        {
            return false;
        }

        if (!server.Access.AllowsPath(caller, "get", path))
        {
            throw new ApiException(403, "Forbidden", $"forbidden: User \"{caller.Username}\" cannot get path \"{path}\"");
        }

        await WriteAsync(context, 200, body, contentType);
        return true;
    }

    private async Task AnswerAsync(ApiRequest request, HttpContext context, string body, Caller caller)
    {
        if (request.Type is null)
        {
            await WriteAsync(context, 201, reviews.Answer(request, Decoding.Parse(body), caller));
            return;
        }

        if (request.Type.DeprecationWarning is { } deprecation)
        {
            Warn(context, deprecation);
        }

        var options = WriteOptions.Read(context, caller);
        switch (request.Subresource)
        {
            case "scale":
                await AnswerScaleAsync(request, context, body, options);
                break;
            case "token":
                await WriteAsync(context, 201, subresources.Token(request, Decoding.Parse(body)));
                break;
            case "log":
                await AnswerLogAsync(request, context);
                break;
            case "eviction":
                var eviction = DeleteOptions.Read(Decoding.Parse(body)["deleteOptions"] as JsonObject, context.Request.Query);
                await writes.DeleteAsync(request with { Subresource = "", Verb = "delete" }, eviction, options, context.RequestAborted);
                await WriteAsync(context, 201, Success(null));
                break;
            case "binding":
                var node = (string?)Decoding.Parse(body)["target"]?["name"] ?? throw ApiException.BadRequest("target.name is missing");
                await writes.ReplaceAsync(
                    request with { Subresource = "", Verb = "update" },
                    pod =>
                    {
                        pod["spec"]!["nodeName"] = node;
                        return pod;
                    },
                    options,
                    true,
                    context.RequestAborted);
                await WriteAsync(context, 201, Success(null));
                break;
            default:
                await AnswerObjectsAsync(request with { Subresource = request.Subresource == "finalize" ? "" : request.Subresource }, context, body, options);
                break;
        }
    }

    private async Task AnswerObjectsAsync(ApiRequest request, HttpContext context, string body, WriteOptions options)
    {
        var type = request.Type!;
        var stop = context.RequestAborted;
        var form = Representation.For(context.Request.Headers.Accept, context.Request.Query["includeObject"]);
        switch (request.Verb)
        {
            case "get":
                var found = store.Find(type, request.Namespace ?? "", request.Name) ?? throw ApiException.NotFound(type, request.Name);
                await WriteAsync(context, 200, form.Of(await conversion.ToAsync(found, type, stop)));
                break;
            case "list":
                await WriteAsync(context, 200, await lists.AnswerAsync(request, context.Request.Query, context.Request.Headers.Accept, stop));
                break;
            case "watch":
                await watches.AnswerAsync(request, context);
                break;
            case "create":
                await WriteAsync(context, 201, form.Of(await writes.CreateAsync(request, Decoding.Parse(body), options, stop)), options);
                break;
            case "update":
                await WriteAsync(context, 200, form.Of(await writes.UpdateAsync(request, Decoding.Parse(body), options, stop)), options);
                break;
            case "patch":
                var isNew = store.Find(type, request.Namespace ?? "", request.Name) is null;
                var patched = await writes.PatchAsync(request, context.Request.ContentType, Decoding.ParseNode(body), options, stop);
                await WriteAsync(context, isNew ? 201 : 200, form.Of(patched), options);
                break;
            case "delete":
                var gone = await writes.DeleteAsync(request, DeleteOptions.Read(body.Length == 0 ? null : Decoding.Parse(body), context.Request.Query), options, stop);
                var isGone = store.Find(type, request.Namespace ?? "", request.Name)?.Uid != gone.Uid;
                await WriteAsync(context, 200, isGone && !ReturnsDeleted(type) ? Success(gone) : form.Of(gone), options);
                break;
            case "deletecollection":
                var delete = DeleteOptions.Read(body.Length == 0 ? null : Decoding.Parse(body), context.Request.Query);
                var matches = Selectors.Parse(type, context.Request.Query["fieldSelector"], context.Request.Query["labelSelector"]);
                var all = new List<StoredObject>();
                foreach (var item in store.List(type, request.Namespace).Items.Where(matches))
                {
                    all.Add(await writes.DeleteAsync(
                        request with { Namespace = type.Namespaced ? item.Namespace : null, Name = item.Name }, delete with { Uid = item.Uid }, options, stop));
                }

                await WriteAsync(context, 200, form.ListOf(type, all, []), options);
                break;
        }
    }

    private async Task AnswerScaleAsync(ApiRequest request, HttpContext context, string body, WriteOptions options)
    {
        var type = request.Type!;
        var stop = context.RequestAborted;
        switch (request.Verb)
        {
            case "get":
                var found = store.Find(type, request.Namespace ?? "", request.Name) ?? throw ApiException.NotFound(type, request.Name);
                await WriteAsync(context, 200, Subresources.ScaleOf(type, found));
                break;
            case "update":
                await WriteAsync(context, 200, await subresources.ScaleAsync(request, _ => Decoding.Parse(body), options, stop), options);
                break;
            default:
                var patch = Decoding.ParseNode(body);
                await WriteAsync(
                    context,
                    200,
                    await subresources.ScaleAsync(
                        request,
                        scale => (patch is JsonArray operations ? Patches.JsonPatch.Apply(scale, operations) : Patches.JsonMergePatch.Apply(scale, patch))!.AsObject(),
                        options,
                        stop),
                    options);
                break;
        }
    }

    private async Task AnswerLogAsync(ApiRequest request, HttpContext context)
    {
        var pod = store.Find(request.Type!, request.Namespace!, request.Name) ?? throw ApiException.NotFound(request.Type!, request.Name);
        var query = context.Request.Query;
        var names = pod.ToNode()["spec"]?["containers"]?.AsArray().Select(c => (string?)c?["name"]).ToList() ?? [];
        var container = (string?)query["container"];
        if (container is null && names.Count > 1)
        {
            throw ApiException.BadRequest($"a container name must be specified for pod {request.Name}, choose one of: [{string.Join(' ', names)}]");
        }

        context.Response.ContentType = "text/plain";
        if (server.PodLogs is { } logs)
        {
            await logs(
                new PodLogRequest(
                    request.Namespace!,
                    request.Name,
                    container ?? names.FirstOrDefault(),
                    (string?)query["follow"] is "true" or "1",
                    (string?)query["previous"] is "true" or "1",
                    int.TryParse(query["tailLines"], out var lines) ? lines : null,
                    (string?)query["timestamps"] is "true" or "1"),
                context.Response.Body,
                context.RequestAborted);
        }
    }

    private static async Task<string> ReadAsync(HttpContext context)
    {
        if (context.Request.ContentType == ProtobufBody.MediaType)
        {
            using var buffer = new MemoryStream();
            await context.Request.Body.CopyToAsync(buffer, context.RequestAborted);
            return buffer.Length == 0 ? "" : ProtobufBody.Read(buffer.ToArray()).ToJsonString();
        }

        using var reader = new StreamReader(context.Request.Body);
        return await reader.ReadToEndAsync(context.RequestAborted);
    }

    /// <summary>The administrator, and who may, can act as somebody else (<c>kubectl --as</c>).</summary>
    private Caller Impersonated(HttpContext context, Caller caller)
    {
        if (context.Request.Headers["Impersonate-User"].ToString() is not { Length: > 0 } user)
        {
            return caller;
        }

        server.Access.Check(new ApiRequest("impersonate", null, "users", null, user, ""), caller);
        var other = Caller.Of(user);
        return context.Request.Headers["Impersonate-Group"] is { Count: > 0 } groups ? other with { Groups = [.. groups.OfType<string>()] } : other;
    }

    private static bool ReturnsDeleted(ResourceType type)
        => type.QualifiedName is "pods" or "services" or "serviceaccounts" or "persistentvolumeclaims" or "persistentvolumes" or "resourcequotas";

    private static JsonObject Success(StoredObject? gone)
    {
        var status = new JsonObject { ["kind"] = "Status", ["apiVersion"] = "v1", ["metadata"] = new JsonObject(), ["status"] = "Success" };
        if (gone is not null)
        {
            status["details"] = new JsonObject { ["name"] = gone.Name, ["group"] = gone.Type.Group, ["kind"] = gone.Type.Plural, ["uid"] = gone.Uid };
        }

        return status;
    }

    private static void Warn(HttpContext context, string text)
        => context.Response.Headers.Append("Warning", $"299 - \"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"");

    private static Task WriteAsync(HttpContext context, int code, JsonObject body, WriteOptions options)
    {
        foreach (var warning in options.Warnings)
        {
            Warn(context, warning);
        }

        return WriteAsync(context, code, body);
    }

    private static async Task WriteAsync(HttpContext context, int code, JsonObject body, string contentType = "application/json")
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = contentType;
        await context.Response.WriteAsync(body.ToJsonString(), context.RequestAborted);
    }
}
