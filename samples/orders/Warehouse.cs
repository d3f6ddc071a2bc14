using System.Net;

namespace Samples.Orders;

/// <summary>The other app. The client's base address is its app id; the sidecar finds out where it runs.</summary>
public sealed class Warehouse(HttpClient http)
{
    /// <summary>Price and stock of an article, or null when the warehouse does not know it.</summary>
    public async Task<Stock?> LookUpAsync(string sku, CancellationToken cancel)
    {
        using var response = await http.GetAsync($"/stock/{Uri.EscapeDataString(sku)}", cancel);
        if (response.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }

        response.EnsureSuccessStatusCode();
        return await response.Content.ReadFromJsonAsync<Stock>(cancel);
    }
}
