using System.Diagnostics;
using System.Text;
using DaprK8s.Bench.Apps;
using DaprK8s.Bench.Load;
using DaprK8s.Bench.Processes;

namespace DaprK8s.Bench.Scenarios;

/// <summary>Messages published through one sidecar and delivered to an app by another.</summary>
internal sealed class Messages(Settings settings, Servers servers) : Scenario(settings, servers)
{
    private static readonly TimeSpan DrainDeadline = TimeSpan.FromMinutes(1);

    public override string Name => "pubsub";

    public override async Task<Section> RunAsync()
    {
        var section = new Section(
            $"Publish and deliver: closed loop, {Settings.Connections} connections, {Settings.PayloadBytes:#,0} bytes",
            "broker", "published", "delivered", "publish p50", "p99", "failed", "not delivered",
            "CPU per 1,000, publisher's sidecar", "subscriber's sidecar");
        await MeasureAsync(section, "Redis streams", await Servers.MessagesOnRedisAsync());
        await MeasureAsync(section, "RabbitMQ, confirmed", await Servers.MessagesOnRabbitMqAsync());
        section.Note("The clock of \"delivered\" runs from the first publish to the last delivery.");
        return section;
    }

    private async Task MeasureAsync(Section section, string broker, string resources)
    {
        var id = Guid.NewGuid().ToString("N")[..8];
        await using var app = await EchoProcess.StartAsync(subscribes: true);
        await using var subscriber = await DaprdUnderTest.StartAsync(
            Settings.Daprd, new SidecarPlan($"subscriber-{id}", app.HttpPort, Resources: resources));
        await using var publisher = await DaprdUnderTest.StartAsync(Settings.Daprd, new SidecarPlan($"publisher-{id}", Resources: resources));
        await FirstDeliveryAsync(publisher, app);

        Publish(publisher, Settings.WarmUp);
        await DrainAsync(app, long.MaxValue, TimeSpan.FromSeconds(3));

        var already = await app.DeliveriesAsync();
        int[] sidecars = [publisher.Id, subscriber.Id];
        var before = sidecars.Select(ProcessFigures.CpuTime).ToList();
        var clock = Stopwatch.StartNew();
        var published = Publish(publisher, Settings.Length);
        var (delivered, at) = await DrainAsync(app, already + published.Latencies.Count, TimeSpan.FromSeconds(5), clock);
        var cpu = sidecars.Select(ProcessFigures.CpuTime).Zip(before, (after, earlier) => after - earlier).ToList();

        section.Row(
            broker,
            Cell.Rate(published.Rate),
            Cell.Rate((delivered - already) / at.TotalSeconds),
            Cell.Ms(published.Latencies.Percentile(0.5)),
            Cell.Ms(published.Latencies.Percentile(0.99)),
            Cell.Count(published.Failures),
            Cell.Count(already + published.Latencies.Count - delivered),
            Cell.CpuPerThousand(cpu[0], published.Latencies.Count),
            Cell.CpuPerThousand(cpu[1], delivered - already));
        if (published.FirstFailure is { } failure)
        {
            section.Note($"First failure, {broker}: {failure}");
        }
    }

    private LoadResult Publish(DaprdUnderTest publisher, TimeSpan length) => new LoadRun
    {
        Connect = _ => new Http1Connection(publisher.HttpPort, Request()),
        Connections = Settings.Connections,
        Length = length,
    }.ClosedLoop();

    private byte[] Request() => Http1Connection.Post(
        $"/v1.0/publish/pubsub/{EchoApp.SubscribedTopic}",
        "application/json",
        Encoding.UTF8.GetBytes($$"""{"text":"{{new string('x', Settings.PayloadBytes)}}"}"""));

    // A subscription starts some time after the sidecar, and a broker without a queue yet keeps nothing.
    private async Task FirstDeliveryAsync(DaprdUnderTest publisher, EchoProcess app)
    {
        var clock = Stopwatch.StartNew();
        while (await app.DeliveriesAsync() == 0)
        {
            if (clock.Elapsed > DrainDeadline)
            {
                throw new TimeoutException("no message arrives");
            }

            using var connection = new Http1Connection(publisher.HttpPort, Request());
            connection.Exchange();
            await Task.Delay(100);
        }
    }

    /// <summary>Waits until so many have been delivered, or none has for a while; returns how many, and when the last was.</summary>
    private static async Task<(long Delivered, TimeSpan At)> DrainAsync(EchoProcess app, long expected, TimeSpan patience, Stopwatch? clock = null)
    {
        clock ??= Stopwatch.StartNew();
        var deadline = clock.Elapsed + DrainDeadline;
        var (delivered, at) = (await app.DeliveriesAsync(), clock.Elapsed);
        while (delivered < expected && clock.Elapsed - at < patience && clock.Elapsed < deadline)
        {
            await Task.Delay(10);
            var now = await app.DeliveriesAsync();
            if (now > delivered)
            {
                (delivered, at) = (now, clock.Elapsed);
            }
        }

        return (delivered, at);
    }
}
