using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace DaprK8s.Common.Kubernetes;

/// <summary>Reads a watch: JSON objects, one a line. An event is valid until the next is asked for.</summary>
internal static class WatchLines
{
    // An object can be 1.5 MB at the server; as JSON with its metadata somewhat more.
    private const int MaxLine = 16 * 1024 * 1024;

    /// <summary>The events, to the end of the stream. A last line that was cut off is left out.</summary>
    public static async IAsyncEnumerable<WatchEvent> ReadAsync(Stream stream, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var reader = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true));
        try
        {
            while (true)
            {
                var result = await reader.ReadAsync(cancellationToken);
                var rest = result.Buffer;
                while (rest.PositionOf((byte)'\n') is { } end)
                {
                    var line = rest.Slice(0, end);
                    if (!line.IsEmpty)
                    {
                        using var document = JsonDocument.Parse(line);
                        var root = document.RootElement;
                        yield return new WatchEvent(root.GetProperty("type").GetString() ?? "", root.GetProperty("object"));
                    }

                    rest = rest.Slice(rest.GetPosition(1, end));
                }

                if (result.IsCompleted)
                {
                    yield break;
                }

                if (rest.Length > MaxLine)
                {
                    throw new InvalidDataException($"a watch event is longer than {MaxLine} bytes");
                }

                reader.AdvanceTo(rest.Start, rest.End);
            }
        }
        finally
        {
            await reader.CompleteAsync();
        }
    }
}
