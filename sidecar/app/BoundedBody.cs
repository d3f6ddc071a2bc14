namespace DaprK8s.Sidecar.App;

/// <summary>Reads an answer that is kept whole, up to a limit: what is at the other end may never stop sending.</summary>
internal static class BoundedBody
{
    /// <summary>The body.</summary>
    /// <exception cref="HttpRequestException">It is longer than the limit.</exception>
    public static async Task<byte[]> ReadAsync(HttpContent content, long limit, CancellationToken cancellationToken)
    {
        if (content.Headers.ContentLength is { } length)
        {
            return length <= limit ? await content.ReadAsByteArrayAsync(cancellationToken) : throw TooLarge(limit);
        }

        await using var source = await content.ReadAsStreamAsync(cancellationToken);
        using var body = new MemoryStream();
        var buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(16 << 10);
        while (await source.ReadAsync(buffer, cancellationToken) is var read && read > 0)
        {
            if (body.Length + read > limit)
            {
                throw TooLarge(limit);
            }

            body.Write(buffer, 0, read);
        }

        // Only at the end: after a failure a read into it may still be under way.
        System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        return body.ToArray();
    }

    private static HttpRequestException TooLarge(long limit) => new($"the answer is larger than {limit} bytes");
}
