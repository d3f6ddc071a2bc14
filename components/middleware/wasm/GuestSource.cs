using DaprK8s.Components.Metadata;

namespace DaprK8s.Components.Middleware.Wasm;

/// <summary>Brings the guest's bytes from where the <c>url</c> says they are.</summary>
internal static class GuestSource
{
    /// <summary>More than a large Go program compiles to.</summary>
    private const int Largest = 64 << 20;

    private const string File = "file://";

    public static async Task<byte[]> LoadAsync(string url, CancellationToken cancellationToken)
    {
        if (url.StartsWith(File, StringComparison.Ordinal))
        {
            await using var file = System.IO.File.OpenRead(url[File.Length..]);
            return await ReadAsync(file, cancellationToken);
        }

        using var http = new HttpClient(new SocketsHttpHandler { UseCookies = false, ActivityHeadersPropagator = null });
        using var answer = await http.GetAsync(url, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        if (!answer.IsSuccessStatusCode)
        {
            throw new HttpRequestException($"received {(int)answer.StatusCode} status code from \"{new Uri(url).GetLeftPart(UriPartial.Path)}\"");
        }

        await using var body = await answer.Content.ReadAsStreamAsync(cancellationToken);
        return await ReadAsync(body, cancellationToken);
    }

    private static async Task<byte[]> ReadAsync(Stream source, CancellationToken cancellationToken)
    {
        using var bytes = new MemoryStream();
        var part = new byte[64 * 1024];
        while (await source.ReadAsync(part, cancellationToken) is > 0 and var count)
        {
            if (bytes.Length + count > Largest)
            {
                throw new ComponentMetadataException(WasmSettings.UrlField.Name, $"the guest is larger than {Largest >> 20} MiB");
            }

            bytes.Write(part, 0, count);
        }

        return bytes.ToArray();
    }
}
