using DaprK8s.Common.Resources;
using DaprK8s.Components;
using DaprK8s.Sidecar.Pipelines;
using DaprK8s.Sidecar.Runtime;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace DaprK8s.Sidecar.Tests.Pipelines;

/// <summary>A middleware that does what the test says.</summary>
internal sealed class ScriptedMiddleware(Func<HttpContext, RequestDelegate, Task> script) : IHttpMiddleware
{
    /// <summary>A ready component of a name; its type is <c>middleware.http.scripted</c>.</summary>
    public static ComponentHandle Component(string name, Func<HttpContext, RequestDelegate, Task> script, string version = "v1")
    {
        var resource = new Component { Metadata = new ObjectMeta { Name = name }, Spec = new ComponentSpec { Type = "middleware.http.scripted", Version = version } };
        var handle = new ComponentHandle(resource, ComponentKind.Middleware, TimeProvider.System);
        handle.MarkReady(new ScriptedMiddleware(script));
        return handle;
    }

    /// <summary>A pipeline of handlers by name.</summary>
    public static HttpPipeline Pipeline(ComponentRegistry registry, params string[] names)
        => HttpPipeline.Create(
            "test", new PipelineSpec { Handlers = [.. names.Select(n => new HandlerSpec { Name = n, Type = "middleware.http.scripted" })] }, registry, NullLogger.Instance)!;

    public Task InitAsync(ComponentContext context, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task InvokeAsync(HttpContext context, RequestDelegate next) => script(context, next);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
