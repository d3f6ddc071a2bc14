using System.Buffers.Binary;
using System.Text;
using Wasmtime;

namespace DaprK8s.Components.Middleware.Wasm;

/// <summary>
/// One instance of a guest with a memory of its own. It serves one request at a time, from <c>handle_request</c> to
/// <c>handle_response</c>, as guests keep things about the request in between.
/// </summary>
internal sealed class GuestInstance : IDisposable
{
    private readonly GuestWatch watch;
    private readonly Store store;
    private readonly Function handleRequest;
    private readonly Function handleResponse;
    private Memory? memory;

    /// <summary>Makes the instance and lets the guest initialise itself.</summary>
    public GuestInstance(Engine engine, Linker linker, Wasmtime.Module module, GuestWatch watch, WasmSettings settings, Wasi wasi)
    {
        this.watch = watch;
        Wasi = wasi;
        store = new Store(engine, this);
        try
        {
            store.SetLimits(settings.MaxMemory, tableElements: 200_000, instances: 1, tables: 16, memories: 1);
            using var run = watch.Enter(store);
            var instance = linker.Instantiate(store, module);
            handleRequest = instance.GetFunction("handle_request")!;
            handleResponse = instance.GetFunction("handle_response")!;
            memory ??= instance.GetMemory("memory");
            Start(instance);
            wasi.Flush();
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>What the guest reaches of the system.</summary>
    public Wasi Wasi { get; }

    /// <summary>The features that the guest enabled while it initialised itself.</summary>
    public GuestFeatures Features { get; set; }

    /// <summary>The request under way, if there is one.</summary>
    public Exchange? Exchange { get; set; }

    /// <summary>Runs <c>handle_request</c>.</summary>
    /// <returns>Whether the request goes on, and the guest's word for <see cref="HandleResponse"/>.</returns>
    public (bool Next, int Context) HandleRequest()
    {
        using var run = watch.Enter(store);
        try
        {
            var result = (long)handleRequest.Invoke()!;
            return ((int)result != 0, (int)(result >> 32));
        }
        finally
        {
            Wasi.Flush();
        }
    }

    /// <summary>Runs <c>handle_response</c>.</summary>
    public void HandleResponse(int context, bool failed)
    {
        using var run = watch.Enter(store);
        try
        {
            handleResponse.Invoke([context, failed ? 1 : 0]);
        }
        finally
        {
            Wasi.Flush();
        }
    }

    /// <summary>The guest's memory, known from its first call on.</summary>
    public void Remember(Memory? exported) => memory ??= exported;

    public bool HasMemory => memory is not null;

    /// <summary>A piece of the guest's memory; valid until the guest runs again.</summary>
    /// <exception cref="GuestFaultException">It lies outside.</exception>
    public Span<byte> At(int offset, int length)
    {
        var (start, count) = ((long)(uint)offset, (long)(uint)length);
        if (count == 0)
        {
            return default;
        }

        return memory is not null && start + count <= memory.GetLength()
            ? memory.GetSpan(start, (int)count)
            : throw new GuestFaultException($"the guest pointed outside of its memory: {count} bytes at {start}");
    }

    public string Text(int offset, int length) => Encoding.UTF8.GetString(At(offset, length));

    /// <summary>Writes a value if the guest has made enough room for it.</summary>
    /// <returns>The value's length.</returns>
    public int Give(ReadOnlySpan<byte> value, int offset, int limit)
    {
        if ((uint)value.Length <= (uint)limit)
        {
            value.CopyTo(At(offset, value.Length));
        }

        return value.Length;
    }

    public int Give(string value, int offset, int limit) => Give(Encoding.UTF8.GetBytes(value), offset, limit);

    public void WriteUInt32(int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(At(offset, 4), value);

    public void WriteUInt64(int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(At(offset, 8), value);

    public uint ReadUInt32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(At(offset, 4));

    public void Dispose() => store.Dispose();

    // A program's main, or the initialiser of a library.
    private static void Start(Instance instance)
    {
        try
        {
            (instance.GetFunction("_start") ?? instance.GetFunction("_initialize"))?.Invoke();
        }
        catch (WasmtimeException e) when (e.InnerException is GuestExitException { Code: 0 })
        {
            // That is how some languages end their main.
        }
    }
}
