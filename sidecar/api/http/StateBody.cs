using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using DaprK8s.Components;
using DaprK8s.Sidecar.State;

namespace DaprK8s.Sidecar.Api.Http;

/// <summary>The body of a bulk read.</summary>
internal sealed record BulkGetBody(IReadOnlyList<string> Keys, int Parallelism, IReadOnlyDictionary<string, string> Metadata);

/// <summary>The body of a transaction.</summary>
internal sealed record TransactionBody(IReadOnlyList<TransactionStep> Steps, IReadOnlyDictionary<string, string> Metadata);

/// <summary>
/// Reads the JSON bodies of the state API (contract: api 1.2, 1.9): names without regard to case, unknown ones ignored, only the
/// first JSON value. Values stay bytes: slices of the body where it is compact, else of a rented buffer. Dispose it, once nothing
/// refers to the values any more.
/// </summary>
internal sealed class StateBody(ReadOnlyMemory<byte> body) : IDisposable
{
    private static readonly ReadOnlyMemory<byte> Null = "null"u8.ToArray();

    private byte[]? rented;
    private int used;

    /// <summary>The items of a save.</summary>
    /// <exception cref="JsonException">The body can't be decoded.</exception>
    public List<StateChange> ReadSave()
    {
        var reader = Begin();
        List<StateChange> items = [];
        if (JsonFields.BeginArray(ref reader, "the body"))
        {
            while (JsonFields.NextElement(ref reader))
            {
                items.Add(ReadChange(ref reader));
            }
        }

        return items;
    }

    /// <summary>A bulk read.</summary>
    /// <exception cref="JsonException">The body can't be decoded.</exception>
    public BulkGetBody ReadBulkGet()
    {
        var reader = Begin();
        List<string> keys = [];
        var parallelism = 0;
        var metadata = EmptyMetadata.Instance;
        if (JsonFields.BeginObject(ref reader, "the body"))
        {
            while (JsonFields.NextProperty(ref reader))
            {
                if (JsonFields.Is(ref reader, "keys"u8))
                {
                    keys = JsonFields.Texts(ref reader, "keys");
                }
                else if (JsonFields.Is(ref reader, "parallelism"u8))
                {
                    parallelism = JsonFields.Integer(ref reader, "parallelism");
                }
                else if (JsonFields.Is(ref reader, "metadata"u8))
                {
                    metadata = JsonFields.Map(ref reader, "metadata");
                }
                else
                {
                    reader.Skip();
                }
            }
        }

        return new BulkGetBody(keys, parallelism, metadata);
    }

    /// <summary>A transaction.</summary>
    /// <exception cref="JsonException">The body can't be decoded.</exception>
    public TransactionBody ReadTransaction()
    {
        var reader = Begin();
        List<TransactionStep> steps = [];
        var metadata = EmptyMetadata.Instance;
        if (JsonFields.BeginObject(ref reader, "the body"))
        {
            while (JsonFields.NextProperty(ref reader))
            {
                if (JsonFields.Is(ref reader, "operations"u8))
                {
                    steps = ReadSteps(ref reader);
                }
                else if (JsonFields.Is(ref reader, "metadata"u8))
                {
                    metadata = JsonFields.Map(ref reader, "metadata");
                }
                else
                {
                    reader.Skip();
                }
            }
        }

        return new TransactionBody(steps, metadata);
    }

    public void Dispose()
    {
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
            rented = null;
        }
    }

    private Utf8JsonReader Begin()
    {
        if (body.Span.TrimStart(" \t\r\n"u8).IsEmpty)
        {
            throw new JsonException("EOF");
        }

        var reader = new Utf8JsonReader(body.Span, CompactJson.ReaderOptions);
        reader.Read();
        return reader;
    }

    private List<TransactionStep> ReadSteps(ref Utf8JsonReader reader)
    {
        List<TransactionStep> steps = [];
        if (!JsonFields.BeginArray(ref reader, "operations"))
        {
            return steps;
        }

        while (JsonFields.NextElement(ref reader))
        {
            var operation = "";
            var change = new StateChange("", new StateValue(Null, IsJson: true));
            if (JsonFields.BeginObject(ref reader, "an operation"))
            {
                while (JsonFields.NextProperty(ref reader))
                {
                    if (JsonFields.Is(ref reader, "operation"u8))
                    {
                        operation = JsonFields.Text(ref reader, "operation") ?? "";
                    }
                    else if (JsonFields.Is(ref reader, "request"u8))
                    {
                        change = ReadChange(ref reader);
                    }
                    else
                    {
                        reader.Skip();
                    }
                }
            }

            steps.Add(new TransactionStep(operation, change));
        }

        return steps;
    }

    private StateChange ReadChange(ref Utf8JsonReader reader)
    {
        var change = new StateChange("", new StateValue(Null, IsJson: true));
        if (!JsonFields.BeginObject(ref reader, "an item"))
        {
            return change;
        }

        while (JsonFields.NextProperty(ref reader))
        {
            if (JsonFields.Is(ref reader, "key"u8))
            {
                change = change with { Key = JsonFields.Text(ref reader, "key") ?? "" };
            }
            else if (JsonFields.Is(ref reader, "value"u8))
            {
                change = change with { Value = new StateValue(ReadValue(ref reader), IsJson: true) };
            }
            else if (JsonFields.Is(ref reader, "etag"u8))
            {
                change = change with { ETag = JsonFields.Text(ref reader, "etag") };
            }
            else if (JsonFields.Is(ref reader, "metadata"u8))
            {
                change = change with { Metadata = JsonFields.Map(ref reader, "metadata") };
            }
            else if (JsonFields.Is(ref reader, "options"u8))
            {
                change = ReadOptions(ref reader, change);
            }
            else
            {
                reader.Skip();
            }
        }

        return change;
    }

    private static StateChange ReadOptions(ref Utf8JsonReader reader, StateChange change)
    {
        if (!JsonFields.BeginObject(ref reader, "options"))
        {
            return change;
        }

        while (JsonFields.NextProperty(ref reader))
        {
            if (JsonFields.Is(ref reader, "concurrency"u8))
            {
                change = change with { Concurrency = JsonFields.Text(ref reader, "concurrency") ?? "" };
            }
            else if (JsonFields.Is(ref reader, "consistency"u8))
            {
                change = change with { Consistency = JsonFields.Text(ref reader, "consistency") ?? "" };
            }
            else
            {
                reader.Skip();
            }
        }

        return change;
    }

    private ReadOnlyMemory<byte> ReadValue(ref Utf8JsonReader reader)
    {
        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        var json = body[start..(int)reader.BytesConsumed];
        if (!Utf8.IsValid(json.Span))
        {
            throw new JsonException("the value is not valid UTF-8");
        }

        var length = CompactJson.Measure(json.Span);
        if (length == json.Length)
        {
            return json;
        }

        // All compact values together are shorter than the body, so one buffer of its size holds them.
        rented ??= ArrayPool<byte>.Shared.Rent(body.Length);
        CompactJson.Write(json.Span, rented.AsSpan(used));
        var compact = rented.AsMemory(used, length);
        used += length;
        return compact;
    }
}
