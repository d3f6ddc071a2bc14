using DaprK8s.Common.Resources;
using DaprK8s.Components;
using DaprK8s.Sidecar.Errors;
using DaprK8s.Sidecar.Pipelines;
using DaprK8s.Sidecar.Runtime;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace DaprK8s.Sidecar.Tests.Pipelines;

public sealed class HttpPipelineTests
{
    private readonly ComponentRegistry registry = new();
    private readonly List<string> passed = [];

    [Fact]
    public void Without_handlers_there_is_no_pipeline()
    {
        Assert.Null(HttpPipeline.Create("test", null, registry, NullLogger.Instance));
        Assert.Null(HttpPipeline.Create("test", new PipelineSpec(), registry, NullLogger.Instance));
    }

    [Fact]
    public async Task The_first_handler_is_the_outermost()
    {
        registry.Replace([Named("b"), Named("a")]);

        await SendAsync(ScriptedMiddleware.Pipeline(registry, "a", "b"));

        Assert.Equal(["a", "b", "end", "/b", "/a"], passed);
    }

    [Fact]
    public async Task Components_that_come_change_or_go_count_from_the_next_request_on()
    {
        registry.Replace([Named("a")]);
        var pipeline = ScriptedMiddleware.Pipeline(registry, "a", "b");
        await SendAsync(pipeline);
        registry.Replace([Named("a"), Named("b")]);
        await SendAsync(pipeline);
        registry.Replace([Named("b", "v2"), Named("a", title: "new a")]);
        await SendAsync(pipeline);
        registry.Replace([]);
        await SendAsync(pipeline);

        Assert.Equal(["a", "end", "/a", "a", "b", "end", "/b", "/a", "new a", "end", "/new a", "end"], passed);
    }

    [Fact]
    public async Task A_request_waits_for_a_component_that_starts_and_does_not_pass_one_that_failed()
    {
        var handle = new ComponentHandle(Named("a").Resource, ComponentKind.Middleware, TimeProvider.System);
        registry.Replace([handle]);
        var pipeline = ScriptedMiddleware.Pipeline(registry, "a");

        var waiting = SendAsync(pipeline);
        Assert.False(waiting.IsCompleted);
        handle.MarkFailed("it is not up");
        var error = await Assert.ThrowsAsync<DaprException>(() => waiting);

        Assert.Equal(500, error.Error.Http);
        Assert.StartsWith("HTTP middleware a (middleware.http.scripted): component a is not ready since ", error.Error.Message, StringComparison.Ordinal);
        Assert.Empty(passed);
        handle.MarkReady(Named("a").Instance!);
        await SendAsync(pipeline);
        Assert.Equal(["a", "end", "/a"], passed);
    }

    private ComponentHandle Named(string name, string version = "v1", string? title = null)
        => ScriptedMiddleware.Component(
            name,
            async (context, next) =>
            {
                passed.Add(title ?? name);
                await next(context);
                passed.Add("/" + (title ?? name));
            },
            version);

    private Task SendAsync(HttpPipeline pipeline)
    {
        var context = new DefaultHttpContext();
        context.Features.Set<PipelineEnd>(new End(passed));
        return pipeline.InvokeAsync(context);
    }

    private sealed class End(List<string> passed) : PipelineEnd
    {
        public override Task ContinueAsync(HttpContext context)
        {
            passed.Add("end");
            return Task.CompletedTask;
        }
    }
}
