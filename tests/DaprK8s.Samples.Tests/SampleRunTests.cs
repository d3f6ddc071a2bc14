using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;

namespace DaprK8s.Samples.Tests;

/// <summary>What <c>make run</c> promises.</summary>
public sealed class SampleRunTests
{
    private static readonly TimeSpan Delivery = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_sample_apps_ship_an_order_and_end_with_Ctrl_C_without_leaving_anything_behind()
    {
        await using var run = new SampleRun();
        await run.StartAsync("embedded");
        Assert.Contains(run.Processes, p => p.Contains("app.js", StringComparison.Ordinal));
        Assert.True(Tells(run, "orders-daprd", "Security is initialized successfully: spiffe://public/ns/default/orders"), run.Output);
        using var orders = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{run.Ports["orders app"]}") };

        using var placed = await orders.PostAsJsonAsync("/orders", new { sku = "tea", quantity = 2 }, Cancel);
        Assert.Equal(HttpStatusCode.Created, placed.StatusCode);
        var order = await placed.Content.ReadFromJsonAsync<Order>(Cancel);
        Assert.Equal(9.0m, order!.Total);
        await WaitUntilAsync(
            async () => (await orders.GetFromJsonAsync<Order>($"/orders/{order.Id}", Cancel))!.Status == "shipped", "the order is shipped", run);
        await WaitUntilAsync(() => Task.FromResult(Tells(run, "warehouse", $"order {order.Id}: packed 2 x tea")), "the warehouse tells of the order", run);
        await WaitUntilAsync(() => Task.FromResult(Tells(run, "orders", $"order {order.Id}: shipped in parcel")), "orders tells of the parcel", run);

        // What the welcome text proposes to try.
        using var caller = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{run.Ports["orders http"]}/v1.0/") };
        Assert.Contains("\"available\":18", await caller.GetStringAsync("invoke/warehouse/method/stock/tea", Cancel), StringComparison.Ordinal);
        using var warehouse = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{run.Ports["warehouse http"]}/v1.0/") };
        Assert.Equal("18", await warehouse.GetStringAsync("state/statestore/shelf-tea", Cancel));
        using var unknown = await orders.PostAsJsonAsync("/orders", new { sku = "sofa", quantity = 1 }, Cancel);
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);

        var code = await run.InterruptAsync();
        Assert.True(code == 0, $"ended with {code}:\n{run.Output}");
        Assert.All(
            ["sentry", "orders", "orders-daprd", "warehouse", "warehouse-daprd"],
            name => Assert.Matches($@"(?m)^  {name} +exit code 0$", run.Output));
        Assert.Empty(run.Processes);
    }

    // Lines of the terminal are "name   | text".
    private static bool Tells(SampleRun run, string name, string text)
        => run.Output.Split('\n').Any(l => l.StartsWith(name + " ", StringComparison.Ordinal) && l.Contains(text, StringComparison.Ordinal));

    private static async Task WaitUntilAsync(Func<Task<bool>> condition, string what, SampleRun run)
    {
        var clock = Stopwatch.StartNew();
        while (!await condition())
        {
            Assert.True(clock.Elapsed < Delivery, $"not within {Delivery.TotalSeconds} s: {what}\n{run.Output}");
            await Task.Delay(20, Cancel);
        }
    }

    private sealed record Order(string Id, string Sku, int Quantity, decimal Total, string Status);
}
