using Wasmtime;

namespace DaprK8s.Components.Middleware.Wasm;

/// <summary>
/// Moves an engine's epoch on while guests run, which ends those that run for too long. It is a thread of its own and by the machine's
/// clock: the thread pool may be full of the very guests that it has to stop.
/// </summary>
internal sealed class GuestWatch : IDisposable
{
    private const int TicksPerTimeout = 10;

    private readonly Engine engine;
    private readonly TimeSpan tick;
    private readonly AutoResetEvent wake = new(false);
    private readonly ManualResetEventSlim stop = new(false);
    private readonly Thread thread;
    private int running;

    public GuestWatch(Engine engine, TimeSpan timeout)
    {
        this.engine = engine;
        tick = timeout / TicksPerTimeout;
        thread = new Thread(Watch, maxStackSize: 128 * 1024) { IsBackground = true, Name = "wasm-watch" };
        thread.Start();
    }

    /// <summary>Says that a guest is about to run in this store, and until when it may.</summary>
    /// <returns>To be disposed when it has ended.</returns>
    public Run Enter(Store store)
    {
        if (Interlocked.Increment(ref running) == 1)
        {
            wake.Set();
        }

        // One more, as the current tick may be about to end.
        store.SetEpochDeadline(TicksPerTimeout + 1);
        return new Run(this);
    }

    /// <summary>Ends the thread; nothing may run any more.</summary>
    public void Dispose()
    {
        stop.Set();
        wake.Set();
        thread.Join();
        wake.Dispose();
        stop.Dispose();
    }

    private void Watch()
    {
        while (wake.WaitOne() && !stop.IsSet)
        {
            do
            {
                if (stop.Wait(tick))
                {
                    return;
                }

                engine.IncrementEpoch();
            }
            while (Volatile.Read(ref running) > 0);
        }
    }

    public readonly struct Run(GuestWatch watch) : IDisposable
    {
        public void Dispose() => Interlocked.Decrement(ref watch.running);
    }
}
