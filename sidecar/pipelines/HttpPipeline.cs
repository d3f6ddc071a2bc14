using DaprK8s.Common.Resources;
using DaprK8s.Components;
using DaprK8s.Sidecar.Errors;
using DaprK8s.Sidecar.Runtime;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Pipelines;

/// <summary>
/// The handlers of <c>httpPipeline</c> or <c>appHttpPipeline</c> in their order, first listed outermost (contract: security 6). The
/// chain is built once for each set of components, so that a component that comes, goes or changes counts from the next request on.
/// </summary>
internal sealed class HttpPipeline
{
    private readonly string name;
    private readonly IReadOnlyList<HandlerSpec> handlers;
    private readonly ComponentRegistry registry;
    private readonly ILogger logger;
    private readonly Lock building = new();
    private volatile Snapshot snapshot;
    private HashSet<string> absent = [];

    private HttpPipeline(string name, IReadOnlyList<HandlerSpec> handlers, ComponentRegistry registry, ILogger logger)
    {
        this.name = name;
        this.handlers = handlers;
        this.registry = registry;
        this.logger = logger;
        snapshot = Build(registry.All);
    }

    /// <summary>The pipeline, or <see langword="null"/> when none is configured.</summary>
    /// <param name="name">The word of the Configuration, for log lines.</param>
    /// <param name="spec">Its handlers.</param>
    /// <param name="registry">Where their components are.</param>
    /// <param name="logger">Told of handlers without a component.</param>
    public static HttpPipeline? Create(string name, PipelineSpec? spec, ComponentRegistry registry, ILogger logger)
        => spec is { Handlers.Count: > 0 } ? new HttpPipeline(name, spec.Handlers, registry, logger) : null;

    /// <summary>Sends an exchange through the handlers to its <see cref="PipelineEnd"/>.</summary>
    /// <exception cref="DaprException">A handler's component is not ready; nothing may pass.</exception>
    public Task InvokeAsync(HttpContext context) => Current().Chain(context);

    private Snapshot Current()
    {
        var components = registry.All;
        var current = snapshot;
        if (ReferenceEquals(current.Components, components))
        {
            return current;
        }

        lock (building)
        {
            return ReferenceEquals(snapshot.Components, components) ? snapshot : snapshot = Build(components);
        }
    }

    private Snapshot Build(IReadOnlyList<ComponentHandle> components)
    {
        HashSet<string> missing = [];
        RequestDelegate chain = static context => context.Features.GetRequiredFeature<PipelineEnd>().ContinueAsync(context);
        foreach (var handler in handlers.Reverse())
        {
            var component = components.FirstOrDefault(c => IsMeant(c, handler));
            if (component is not null)
            {
                chain = new Stage(component, chain).InvokeAsync;
                continue;
            }

            missing.Add(handler.Name);
            if (absent.Contains(handler.Name))
            {
                // Told when it was found to be so; other components change more often.
                continue;
            }

            logger.LogWarning(
                "{Pipeline}: there is no component {Name} of type {Type}/{Version}; the handler is skipped until there is one",
                name, handler.Name, handler.Type, ProviderCatalog.NormaliseVersion(handler.Version ?? ""));
        }

        absent = missing;
        return new Snapshot(components, chain);
    }

    private static bool IsMeant(ComponentHandle component, HandlerSpec handler)
        => component.Kind == ComponentKind.Middleware && component.Name == handler.Name && component.Type == handler.Type
            && ProviderCatalog.NormaliseVersion(component.Resource.Spec.Version) == ProviderCatalog.NormaliseVersion(handler.Version ?? "");

    private sealed record Snapshot(IReadOnlyList<ComponentHandle> Components, RequestDelegate Chain);

    private sealed class Stage(ComponentHandle component, RequestDelegate next)
    {
        public Task InvokeAsync(HttpContext context)
            => component.TryUse(out ComponentUse<IHttpMiddleware> use) ? RunAsync(use, context) : WaitAsync(context);

        private async Task RunAsync(ComponentUse<IHttpMiddleware> use, HttpContext context)
        {
            using (use)
            {
                await use.Instance.InvokeAsync(context, next);
            }
        }

        private async Task WaitAsync(HttpContext context)
        {
            ComponentUse<IHttpMiddleware> use;
            try
            {
                use = await component.UseAsync<IHttpMiddleware>(context.RequestAborted);
            }
            catch (ComponentNotReadyException) when (component.IsRemoved)
            {
                // Taken out after the request began: as if it had begun a moment later.
                await next(context);
                return;
            }
            catch (ComponentNotReadyException e)
            {
                throw CommonErrors.Unclassified($"HTTP middleware {component.Name} ({component.Type}): {e.Message}").ToException(e);
            }

            await RunAsync(use, context);
        }
    }
}
