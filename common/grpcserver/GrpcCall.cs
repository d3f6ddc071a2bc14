using System.Globalization;
using DaprK8s.Common.Wire;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Common.GrpcServer;

/// <summary>One gRPC call on Kestrel: what a service method sees of it, and its frames in and out (gRPC over HTTP/2).</summary>
public sealed class GrpcCall : ServerCallContext, IDisposable
{
    private const string TimeoutHeader = "grpc-timeout";

    private readonly HttpContext http;
    private readonly long maxMessageBytes;
    private readonly FrameReader frames;
    private readonly CancellationTokenSource? deadline;
    private readonly DateTime deadlineAt = DateTime.MaxValue;
    private Metadata? requestHeaders;
    private Metadata? responseTrailers;

    /// <summary>Takes over a request whose framing is gRPC's.</summary>
    public GrpcCall(HttpContext http, long maxMessageBytes)
    {
        this.http = http;
        this.maxMessageBytes = maxMessageBytes;
        frames = new FrameReader(http.Request.Body, maxMessageBytes);
        if (http.Request.Headers.TryGetValue(TimeoutHeader, out var values) && ParseTimeout(values.ToString()) is { } timeout)
        {
            deadlineAt = DateTime.UtcNow + timeout;
            deadline = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
            deadline.CancelAfter(timeout);
        }
    }

    /// <summary>The HTTP exchange beneath.</summary>
    public HttpContext Http => http;

    /// <summary>The most bytes that a message of either direction may have.</summary>
    public long MaxMessageBytes => maxMessageBytes;

    /// <summary>Whether the client's deadline passed while it was still there.</summary>
    public bool IsPastDeadline => deadline is { IsCancellationRequested: true } && !http.RequestAborted.IsCancellationRequested;

    /// <summary>The next message, or <see langword="null"/> once the client has sent its last.</summary>
    public async ValueTask<T?> ReadAsync<T>(MessageParser<T> parser, CancellationToken cancellationToken)
        where T : class, IMessage<T>
        => await frames.ReadAsync(cancellationToken) is { } bytes ? parser.ParseFrom(bytes.Span) : null;

    /// <summary>Writes a message and flushes it; headers that were not sent go out with it.</summary>
    public async ValueTask WriteAsync<T>(T message, CancellationToken cancellationToken)
        where T : class, IMessage<T>
    {
        var size = message.CalculateSize();
        using var wire = new WireBuffer(size + 16);
        var frame = wire.BeginFrame();
        message.WriteTo(wire.Free(size).Span[..size]);
        wire.Advance(size);
        wire.EndFrame(frame);
        await GrpcResponse.WriteAsync(http, wire.Memory, cancellationToken);
    }

    /// <summary>Ends the call with a status and trailers.</summary>
    public async ValueTask EndAsync(Status status, Metadata? statusTrailers)
    {
        AddTrailers(statusTrailers);
        AddTrailers(responseTrailers);
        await GrpcResponse.EndAsync(http, status.StatusCode, status.Detail);
    }

    /// <summary>No further message is expected: the buffer for them is given back, which a stream of days would hold on to.</summary>
    public void EndReading() => frames.Dispose();

    /// <inheritdoc/>
    public void Dispose()
    {
        frames.Dispose();
        deadline?.Dispose();
    }

    /// <inheritdoc/>
    protected override string MethodCore => http.Request.Path.Value!;

    /// <inheritdoc/>
    protected override string HostCore => http.Request.Host.Value ?? "";

    /// <inheritdoc/>
    protected override string PeerCore => $"{http.Connection.RemoteIpAddress}:{http.Connection.RemotePort}";

    /// <inheritdoc/>
    protected override DateTime DeadlineCore => deadlineAt;

    /// <inheritdoc/>
    protected override Metadata RequestHeadersCore => requestHeaders ??= ReadHeaders(http.Request.Headers);

    /// <inheritdoc/>
    protected override CancellationToken CancellationTokenCore => deadline?.Token ?? http.RequestAborted;

    /// <inheritdoc/>
    protected override Metadata ResponseTrailersCore => responseTrailers ??= [];

    /// <inheritdoc/>
    protected override Status StatusCore { get; set; }

    /// <inheritdoc/>
    protected override WriteOptions? WriteOptionsCore { get; set; }

    /// <inheritdoc/>
    protected override AuthContext AuthContextCore { get; } = new(null, []);

    /// <inheritdoc/>
    protected override ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options)
        => throw new NotSupportedException("a call's context is not propagated by token");

    /// <inheritdoc/>
    protected override async Task WriteResponseHeadersAsyncCore(Metadata responseHeaders)
    {
        foreach (var entry in responseHeaders)
        {
            http.Response.Headers.Append(entry.Key, Text(entry));
        }

        http.Response.ContentType = "application/grpc";
        await http.Response.StartAsync(CancellationToken);

        // Started is not sent; who waits for the headers of a stream that says nothing yet waits for this.
        await http.Response.BodyWriter.FlushAsync(CancellationToken);
    }

    internal static TimeSpan? ParseTimeout(string text)
    {
        if (text.Length is < 2 or > 9 || !long.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var value))
        {
            return null;
        }

        decimal? ticks = text[^1] switch
        {
            'H' => TimeSpan.TicksPerHour,
            'M' => TimeSpan.TicksPerMinute,
            'S' => TimeSpan.TicksPerSecond,
            'm' => TimeSpan.TicksPerMillisecond,
            'u' => TimeSpan.TicksPerMicrosecond,
            'n' => 0.01m,
            _ => null,
        };

        // A timer can't wait for longer than this; nobody does either.
        return ticks is { } unit ? TimeSpan.FromTicks((long)Math.Min(value * unit, TimeSpan.FromDays(24).Ticks)) : null;
    }

    private void AddTrailers(Metadata? trailers)
    {
        foreach (var entry in trailers ?? [])
        {
            if (http.Response.HasStarted)
            {
                http.Response.AppendTrailer(entry.Key, Text(entry));
            }
            else
            {
                http.Response.Headers.Append(entry.Key, Text(entry));
            }
        }
    }

    private static Metadata ReadHeaders(IHeaderDictionary headers)
    {
        var metadata = new Metadata();
        foreach (var (key, values) in headers)
        {
            var name = key.ToLowerInvariant();
            if (name[0] == ':' || !GrpcMetadataText.IsName(name))
            {
                continue;
            }

            foreach (var value in values)
            {
                if (!name.EndsWith("-bin", StringComparison.Ordinal))
                {
                    metadata.Add(name, value ?? "");
                }
                else if (GrpcMetadataText.TryDecodeBinary(value ?? "", out var bytes))
                {
                    metadata.Add(name, bytes);
                }
            }
        }

        return metadata;
    }

    private static string Text(Metadata.Entry entry) => entry.IsBinary ? Convert.ToBase64String(entry.ValueBytes) : entry.Value;
}
