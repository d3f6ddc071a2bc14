namespace Samples.Orders;

/// <summary>
/// Places an order now and then, so that there is something to watch: every <c>ORDER_EVERY_SECONDS</c> (2; 0 for never).
/// </summary>
public sealed class Customer(OrderBook book, IConfiguration configuration, ILogger<Customer> log) : BackgroundService
{
    private static readonly string[] Wishes = ["tea", "coffee", "mug"];

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var pause = TimeSpan.FromSeconds(configuration.GetValue("ORDER_EVERY_SECONDS", 2.0));
        if (pause <= TimeSpan.Zero)
        {
            return;
        }

        using var timer = new PeriodicTimer(pause);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                await OrderAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Closing time.
        }
    }

    private async Task OrderAsync(CancellationToken cancel)
    {
        try
        {
            await book.PlaceAsync(new NewOrder(Random.Shared.GetItems(Wishes, 1)[0], Random.Shared.Next(1, 4)), cancel);
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            log.LogWarning("no order this time: {Reason}", e.Message); // the sidecar or the warehouse is still starting
        }
    }
}
