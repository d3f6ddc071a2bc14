using Dapr.Client;

namespace Samples.Orders;

/// <summary>The orders: placed, looked up, marked as shipped.</summary>
public sealed class OrderBook(DaprClient dapr, Warehouse warehouse, ILogger<OrderBook> log)
{
    /// <summary>The pub/sub component's name.</summary>
    public const string PubSub = "pubsub";

    private const string Store = "statestore";

    /// <summary>Checks with the warehouse, stores the order and announces it; null when the article is unknown.</summary>
    public async Task<Order?> PlaceAsync(NewOrder request, CancellationToken cancel)
    {
        var stock = await warehouse.LookUpAsync(request.Sku, cancel);
        if (stock is null)
        {
            return null;
        }

        var order = new Order(
            Id: Guid.NewGuid().ToString("N")[..8],
            request.Sku,
            request.Quantity,
            Total: stock.Price * request.Quantity,
            Status: stock.Available >= request.Quantity ? "placed" : "waiting for stock");

        // Stored first: when the shipment comes back, the order is there.
        await dapr.SaveStateAsync(Store, order.Id, order, cancellationToken: cancel);
        await dapr.PublishEventAsync(PubSub, "orders", order, cancel);
        log.LogInformation("order {Id}: {Quantity} x {Sku} for {Total:0.00}, {Status}", order.Id, order.Quantity, order.Sku, order.Total, order.Status);
        return order;
    }

    /// <summary>The stored order, if there is one.</summary>
    public async Task<Order?> FindAsync(string id, CancellationToken cancel)
        => await dapr.GetStateAsync<Order?>(Store, id, cancellationToken: cancel);

    /// <summary>Marks an order as shipped. May be called twice for one shipment: a message can be delivered again.</summary>
    public async Task MarkShippedAsync(Shipment shipment, CancellationToken cancel)
    {
        while (true)
        {
            var (order, etag) = await dapr.GetStateAndETagAsync<Order?>(Store, shipment.OrderId, cancellationToken: cancel);
            if (order is null)
            {
                log.LogWarning("parcel {Parcel} is for order {Id}, which nobody placed here", shipment.Parcel, shipment.OrderId);
                return;
            }

            // Written only if nobody else has changed the order since it was read; otherwise look again.
            if (await dapr.TrySaveStateAsync(Store, order.Id, order with { Status = "shipped" }, etag, cancellationToken: cancel))
            {
                log.LogInformation("order {Id}: shipped in parcel {Parcel}", order.Id, shipment.Parcel);
                return;
            }
        }
    }
}
