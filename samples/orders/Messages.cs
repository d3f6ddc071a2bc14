namespace Samples.Orders;

/// <summary>What a customer asks for.</summary>
public record NewOrder(string Sku, int Quantity);

/// <summary>An order as it is stored and announced.</summary>
public record Order(string Id, string Sku, int Quantity, decimal Total, string Status);

/// <summary>The warehouse's answer about one article.</summary>
public record Stock(string Sku, decimal Price, int Available);

/// <summary>The warehouse has sent an order on its way.</summary>
public record Shipment(string OrderId, string Parcel);
