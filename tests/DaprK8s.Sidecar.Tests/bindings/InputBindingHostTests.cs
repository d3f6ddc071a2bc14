using System.Text;
using DaprK8s.Common.Metrics;
using DaprK8s.Components;
using DaprK8s.Components.Metadata;
using DaprK8s.Sidecar.App;
using DaprK8s.Sidecar.Bindings;
using DaprK8s.Sidecar.Observability;
using DaprK8s.Sidecar.Resiliency;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Tests.PubSub;
using DaprK8s.Sidecar.Tests.State;
using DaprK8s.Sidecar.Tracing;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Sidecar.Tests.Bindings;

/// <summary>Input bindings: when they are read, and what becomes of their events (contract: messaging 4.3 to 4.6).</summary>
public sealed class InputBindingHostTests
{
    private const string Name = "events";

    private readonly ComponentRegistry registry = new();
    private readonly FakeHttpApp app = new();
    private readonly FakeTimeProvider time = new();
    private readonly MetricsRegistry metrics = new(new MetricsOptions(), NullLogger.Instance);

    [Fact]
    public async Task The_app_s_answer_goes_back_to_the_source()
    {
        var binding = Use(new ScriptedBinding());
        app.OnEvent = (call, _) => new(FakeHttpApp.Answer(200, call.Method == HttpMethod.Options ? "" : "done"));
        await Host().StartAsync(TestContext.Current.CancellationToken);
        Assert.Equal("done", Encoding.UTF8.GetString((await binding.TellAsync("{}", ("color", "red"), ("Connection", "close"), ("a b", "c"))).Span));
        var call = app.Calls.Last();
        Assert.Equal(("/events", "application/json", HttpMethod.Post), (call.Path, call.ContentType, call.Method));
        Assert.Equal("red", Assert.Single(call.Headers).Value);
    }

    [Fact]
    public async Task The_trace_of_an_event_is_gone_on_with()
    {
        const string parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        var binding = Use(new ScriptedBinding());
        await Host().StartAsync(TestContext.Current.CancellationToken);
        await binding.TellAsync("{}", ("traceparent", parent));
        Assert.Contains("0af7651916cd43dd8448eb211c80319c", app.Calls.Last().Trace.TraceParent, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(201, false, null)]
    [InlineData(500, false, "fails to send binding event to http app channel, status code: 500 body: oh")]
    [InlineData(500, true, "error invoking app: response object is nil")]
    [InlineData(201, true, "error invoking app: response object is nil")]
    [InlineData(200, true, null)]
    public async Task A_policy_that_retries_takes_nothing_but_200(int status, bool retries, string? problem)
    {
        var binding = Use(new ScriptedBinding());
        var policy = new RetryingPolicy(3);
        app.OnEvent = (call, _) => new(FakeHttpApp.Answer(call.Method == HttpMethod.Options ? 200 : status, "oh"));
        await Host(retries ? policy : NoResiliency.Instance).StartAsync(TestContext.Current.CancellationToken);
        var failure = await Record.ExceptionAsync(() => binding.TellAsync("{}"));
        Assert.Equal(problem, failure?.Message);
        Assert.Equal(retries ? (status == 200 ? 1 : 3) : 1, app.Calls.Count(c => c.Method == HttpMethod.Post));
    }

    [Fact]
    public async Task An_app_that_can_not_be_reached_is_told_to_the_source_and_counted()
    {
        var binding = Use(new ScriptedBinding());
        app.OnEvent = (call, _) => call.Method == HttpMethod.Options ? new(FakeHttpApp.Answer(200)) : throw new HttpRequestException("connection refused");
        await Host().StartAsync(TestContext.Current.CancellationToken);
        var failure = await Record.ExceptionAsync(() => binding.TellAsync("{}"));
        Assert.Equal("error invoking app: connection refused", failure?.Message);
        var text = new MemoryStream();
        await metrics.WriteAsync(text, TestContext.Current.CancellationToken);
        Assert.Contains(
            "dapr_component_input_binding_count{app_id=\"app1\",component=\"events\",namespace=\"prod\",success=\"false\"} 1",
            Encoding.UTF8.GetString(text.ToArray()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_is_read_while_the_app_is_there_and_events_under_way_are_waited_for()
    {
        var binding = Use(new ScriptedBinding());
        var answered = new TaskCompletionSource<AppAnswer>();
        app.OnEvent = (call, _) => call.Method == HttpMethod.Options ? new(FakeHttpApp.Answer(200)) : new(answered.Task);
        var host = Host();
        await host.StartAsync(TestContext.Current.CancellationToken);
        var handler = await binding.HandlerAsync();
        var underWay = binding.TellAsync("{}");
        var stopping = host.StopAsync();
        await binding.EndedAsync();
        var late = await Record.ExceptionAsync(async () => await handler(new BindingEvent(default), CancellationToken.None));
        Assert.Equal("input binding is closed", late?.Message);
        Assert.False(stopping.IsCompleted);
        answered.SetResult(FakeHttpApp.Answer(200));
        await underWay;
        await stopping;

        await host.StartAsync(TestContext.Current.CancellationToken);
        await binding.HandlerAsync();
        Assert.Equal(2, binding.Reads);
        await host.DrainAsync();
        await host.StartAsync(TestContext.Current.CancellationToken);
        Assert.False(binding.IsReading);
    }

    [Fact]
    public async Task A_lost_source_is_read_again_after_a_pause()
    {
        var binding = Use(new ScriptedBinding());
        await Host().StartAsync(TestContext.Current.CancellationToken);
        await binding.HandlerAsync();
        binding.Lose();
        var again = binding.HandlerAsync();
        while (binding.Reads < 2)
        {
            // The pause begins some time after the loss.
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        await again;
    }

    [Fact]
    public async Task A_binding_that_takes_the_place_of_another_is_read_in_its_place()
    {
        var (first, second) = (Use(new ScriptedBinding()), new ScriptedBinding());
        await Host().StartAsync(TestContext.Current.CancellationToken);
        await first.HandlerAsync();
        Use(second);
        await second.TellAsync("{}");
        Assert.False(first.IsReading);
    }

    [Fact]
    public async Task A_binding_that_is_added_later_is_read_too()
    {
        await Host().StartAsync(TestContext.Current.CancellationToken);
        await Use(new ScriptedBinding()).TellAsync("{}");
    }

    private InputBindingHost Host(IResiliency? resiliency = null)
    {
        var services = new BindingServices(
            new FakeChannel(app, null), resiliency ?? NoResiliency.Instance, new ComponentMetrics(metrics, new SidecarInfo("app1", "prod")),
            new Tracer(TracingMode.PassThrough, "app1"), time, NullLogger.Instance);
        return new InputBindingHost(registry, new BindingDiscovery(services, TimeSpan.FromSeconds(3)), services);
    }

    private ScriptedBinding Use(ScriptedBinding binding)
    {
        var handle = new ComponentHandle(StateBench.Resource(Name), ComponentKind.Binding, TimeProvider.System) { Metadata = new ComponentMetadata([]) };
        handle.MarkReady(binding);
        registry.Replace([handle]);
        return binding;
    }
}
