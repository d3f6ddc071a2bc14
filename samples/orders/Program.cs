// An order service. It asks the warehouse app whether it can deliver, keeps its orders in the state store `statestore`,
// announces each on the topic `orders`, and hears from the warehouse on the topic `shipments`. All of it goes through the
// sidecar: which database and which broker stand behind those names is written in ../resources, not here.
using Dapr.Client;
using Samples.Orders;

var builder = WebApplication.CreateBuilder(args);
builder.Services.AddDaprClient();
builder.Services.AddSingleton(_ => new Warehouse(DaprClient.CreateInvokeHttpClient("warehouse")));
builder.Services.AddSingleton<OrderBook>();
builder.Services.AddHostedService<Customer>();

var app = builder.Build();
app.UseCloudEvents();      // unwraps the event that the sidecar delivers, so that handlers see their own type
app.MapSubscribeHandler(); // tells the sidecar about every WithTopic below

app.MapPost("/orders", async (NewOrder request, OrderBook book, CancellationToken cancel) =>
{
    if (request.Quantity < 1 || string.IsNullOrWhiteSpace(request.Sku))
    {
        return Results.BadRequest("an order needs a sku and a quantity of at least 1");
    }

    var order = await book.PlaceAsync(request, cancel);
    return order is null
        ? Results.NotFound($"the warehouse does not sell '{request.Sku}'")
        : Results.Created($"/orders/{order.Id}", order);
});

app.MapGet("/orders/{id}", async (string id, OrderBook book, CancellationToken cancel) =>
    await book.FindAsync(id, cancel) is { } order ? Results.Ok(order) : Results.NotFound());

app.MapPost("/shipments", async (Shipment shipment, OrderBook book, CancellationToken cancel) =>
{
    await book.MarkShippedAsync(shipment, cancel);
    return Results.Ok(); // an exception would answer 500, and the message would be delivered again
}).WithTopic(OrderBook.PubSub, "shipments");

app.Run();
