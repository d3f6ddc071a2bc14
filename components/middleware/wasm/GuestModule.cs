using Wasmtime;

namespace DaprK8s.Components.Middleware.Wasm;

/// <summary>
/// A compiled guest and its instances: idle ones are kept for the next request, one that failed is thrown away. The engine goes when
/// the module was closed and the last request has given its instance back.
/// </summary>
internal sealed class GuestModule : IDisposable
{
    private const int MostIdle = 16;

    private readonly WasmSettings settings;
    private readonly ComponentContext context;
    private readonly Engine engine;
    private readonly Wasmtime.Module module;
    private readonly Linker linker;
    private readonly GuestWatch watch;
    private readonly Stack<GuestInstance> idle = [];
    private readonly SemaphoreSlim places;
    private readonly Lock gate = new();
    private int rented;
    private bool closed;

    /// <summary>Compiles the guest, and makes an instance, so that one that cannot work is found out now.</summary>
    /// <exception cref="WasmtimeException">It is no guest.</exception>
    public GuestModule(byte[] bytes, WasmSettings settings, ComponentContext context)
    {
        this.settings = settings;
        this.context = context;
        places = new SemaphoreSlim(settings.MaxInstances);

        // Traps by explicit checks: the process's signal handlers stay the runtime's. No second thread pool for compiling. No threads
        // in guests, as one that waits could not be stopped. Address space for the largest memory, so that it never moves.
        engine = new Engine(new Config()
            .WithSignalsBasedTraps(false)
            .WithParallelCompilation(false)
            .WithWasmThreads(false)
            .WithEpochInterruption(true)
            .WithStaticMemoryMaximumSize((ulong)settings.MaxMemory)
            .WithMemoryReservationForGrowth(0)
            .WithMemoryGuardSize(0));
        Wasmtime.Module? compiled = null;
        Linker? linked = null;
        GuestWatch? watching = null;
        try
        {
            module = compiled = Wasmtime.Module.FromBytes(engine, "guest", bytes);
            CheckExports(compiled);
            linker = linked = new Linker(engine);
            HttpHandlerAbi.Define(linked, settings, context);
            Wasi.Define(linked, compiled);
            watch = watching = new GuestWatch(engine, settings.Timeout);
            var first = Create();
            ReadsBodies = first.Features.HasFlag(GuestFeatures.BufferRequest);
            idle.Push(first);
        }
        catch
        {
            watching?.Dispose();
            linked?.Dispose();
            compiled?.Dispose();
            engine.Dispose();
            throw;
        }
    }

    /// <summary>The guest reads request bodies, which therefore are read ahead of it: it cannot wait for them without holding a thread.</summary>
    public bool ReadsBodies { get; set; }

    /// <summary>An instance for a request, or <see langword="null"/> when too many are in use for too long.</summary>
    public async ValueTask<GuestInstance?> RentAsync(CancellationToken cancellationToken)
    {
        if (!await places.WaitAsync(settings.Timeout, cancellationToken))
        {
            return null;
        }

        lock (gate)
        {
            if (closed)
            {
                places.Release();
                throw new ObjectDisposedException(context.LogName);
            }

            rented++;
            if (idle.TryPop(out var instance))
            {
                return instance;
            }
        }

        try
        {
            return Create();
        }
        catch
        {
            GiveBack(null);
            throw;
        }
    }

    /// <summary>Takes an instance back; one that failed was disposed and is not handed in.</summary>
    public void GiveBack(GuestInstance? instance)
    {
        bool last;
        lock (gate)
        {
            rented--;
            last = closed && rented == 0;
            if (instance is not null && !closed && idle.Count < MostIdle)
            {
                idle.Push(instance);
                instance = null;
            }
        }

        instance?.Dispose();
        places.Release();
        if (last)
        {
            End();
        }
    }

    public void Dispose()
    {
        bool last;
        lock (gate)
        {
            last = !closed && rented == 0;
            closed = true;
            while (idle.TryPop(out var instance))
            {
                instance.Dispose();
            }
        }

        if (last)
        {
            End();
        }
    }

    private GuestInstance Create() => new(engine, linker, module, watch, settings, new Wasi(settings, context));

    private void End()
    {
        watch.Dispose();
        linker.Dispose();
        module.Dispose();
        engine.Dispose();
    }

    private static void CheckExports(Wasmtime.Module module)
    {
        CheckFunction(module, "handle_request", [], [ValueKind.Int64]);
        CheckFunction(module, "handle_response", [ValueKind.Int32, ValueKind.Int32], []);
        if (!module.Exports.Any(e => e is MemoryExport { Name: "memory", Is64Bit: false }))
        {
            throw new WasmtimeException("the guest exports no memory named \"memory\"");
        }
    }

    private static void CheckFunction(Wasmtime.Module module, string name, ValueKind[] parameters, ValueKind[] results)
    {
        var found = module.Exports.OfType<FunctionExport>().FirstOrDefault(e => e.Name == name)
            ?? throw new WasmtimeException($"the guest exports no function {name}");
        if (!found.Parameters.SequenceEqual(parameters) || !found.Results.SequenceEqual(results))
        {
            throw new WasmtimeException($"the guest's function {name} takes or returns the wrong types");
        }
    }
}
