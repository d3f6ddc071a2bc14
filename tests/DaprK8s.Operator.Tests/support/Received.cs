using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using DaprK8s.Protos.Operator.V1;
using Google.Protobuf;
using Grpc.Core;

namespace DaprK8s.Operator.Tests.Support;

/// <summary>What a stream has brought so far.</summary>
internal sealed class Received : IAsyncDisposable
{
    private readonly ConcurrentQueue<(ResourceEventType Type, JsonObject Document)> events = new();
    private readonly IDisposable call;

    private Received(IDisposable call, Task reading) => (this.call, Reading) = (call, reading);

    /// <summary>Ends with the stream: with its status when that is an error.</summary>
    public Task Reading { get; private set; }

    public IReadOnlyList<(ResourceEventType Type, JsonObject Document)> Events => [.. events];

    /// <summary><c>Created a, Updated a, ...</c></summary>
    public string Told => string.Join(", ", events.Select(e => $"{e.Type} {e.Document["metadata"]!["name"]}"));

    /// <summary>Opens a stream; when this returns the operator has it.</summary>
    public static async Task<Received> OpenAsync<TEvent>(AsyncServerStreamingCall<TEvent> call, Func<TEvent, (ByteString Document, ResourceEventType Type)> read)
    {
        var received = new Received(call, Task.CompletedTask);
        await call.ResponseHeadersAsync;
        received.Reading = Task.Run(async () =>
        {
            await foreach (var item in call.ResponseStream.ReadAllAsync())
            {
                var (document, type) = read(item);
                received.events.Enqueue((type, JsonNode.Parse(document.Span)!.AsObject()));
            }
        });
        return received;
    }

    public static Task<Received> ComponentsAsync(Protos.Operator.V1.Operator.OperatorClient client, string @namespace = "default")
        => OpenAsync(client.ComponentUpdate(new ComponentUpdateRequest { Namespace = @namespace }), e => (e.Component, e.Type));

    public async Task HasAsync(string told)
    {
        await Eventually.TrueAsync(() => Told.Length >= told.Length, $"the stream tells: {told}");
        Assert.Equal(told, Told);
    }

    public async ValueTask DisposeAsync()
    {
        call.Dispose();
        await Reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
