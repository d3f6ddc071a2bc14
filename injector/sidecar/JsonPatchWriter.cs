using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace DaprK8s.Injector.Sidecar;

/// <summary>Writes a JSON patch of <c>add</c> operations (RFC 6902).</summary>
internal sealed class JsonPatchWriter : IDisposable
{
    private readonly ArrayBufferWriter<byte> buffer = new(8 * 1024);
    private readonly Utf8JsonWriter json;

    public JsonPatchWriter()
    {
        // Read by the API server, never by a browser.
        json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true });
        json.WriteStartArray();
    }

    /// <summary>Adds a value.</summary>
    public void Add(string path, Action<Utf8JsonWriter> value)
    {
        json.WriteStartObject();
        json.WriteString("op", "add");
        json.WriteString("path", path);
        json.WritePropertyName("value");
        value(json);
        json.WriteEndObject();
    }

    /// <summary>Adds a text.</summary>
    public void Add(string path, string value) => Add(path, w => w.WriteStringValue(value));

    /// <summary>Adds an empty list, so that its items can be added.</summary>
    public void AddEmptyList(string path) => Add(path, static w =>
    {
        w.WriteStartArray();
        w.WriteEndArray();
    });

    /// <summary>Adds items to a list that may not be there yet.</summary>
    /// <param name="path">The list.</param>
    /// <param name="exists">Whether it is there, with an item at least.</param>
    /// <param name="items">The items.</param>
    /// <param name="write">Writes one.</param>
    public void AddItems<T>(string path, bool exists, IReadOnlyList<T> items, Action<Utf8JsonWriter, T> write)
    {
        if (items.Count == 0)
        {
            return;
        }

        if (exists)
        {
            foreach (var item in items)
            {
                Add(path + "/-", w => write(w, item));
            }

            return;
        }

        Add(path, w =>
        {
            w.WriteStartArray();
            foreach (var item in items)
            {
                write(w, item);
            }

            w.WriteEndArray();
        });
    }

    /// <summary>Ends the patch.</summary>
    public ReadOnlyMemory<byte> Finish()
    {
        json.WriteEndArray();
        json.Flush();
        return buffer.WrittenMemory;
    }

    /// <summary>The path of a field of a container.</summary>
    public static string ContainerPath(int index, string field) => string.Create(CultureInfo.InvariantCulture, $"/spec/containers/{index}/{field}");

    /// <inheritdoc/>
    public void Dispose() => json.Dispose();
}
