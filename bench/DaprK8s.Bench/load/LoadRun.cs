using System.Net.Sockets;
using DaprK8s.Bench.Processes;

namespace DaprK8s.Bench.Load;

/// <summary>Drives connections, a thread each, for a while: an unmeasured warm-up, then the measured part.</summary>
internal sealed class LoadRun
{
    private string? firstFailure;
    private long failures;

    /// <summary>Opens the connection of a worker (0, 1, ...).</summary>
    public required Func<int, IConnection> Connect { get; init; }

    public required int Connections { get; init; }

    public TimeSpan WarmUp { get; init; }

    public required TimeSpan Length { get; init; }

    /// <summary>Processes whose processor time is taken over the measured part.</summary>
    public IReadOnlyList<int> Watched { get; init; } = [];

    /// <summary>
    /// Sends at a fixed rate, whatever the answers do. A latency counts from the moment at which the request was due, so a stall
    /// shows in every request that it held back (no coordinated omission).
    /// </summary>
    public LoadResult OpenLoop(double requestsPerSecond)
    {
        var period = 1e9 * Connections / requestsPerSecond;
        return Run(worker =>
        {
            var first = worker.Start + (worker.Number * period / Connections);
            for (long n = 0; ; n++)
            {
                var due = (long)(first + (n * period));
                if (due >= worker.End)
                {
                    return;
                }

                Ticker.SleepUntil(due);
                worker.Exchange(due);
            }
        });
    }

    /// <summary>Sends the next request as soon as the answer to the last is there.</summary>
    public LoadResult ClosedLoop() => Run(worker =>
    {
        for (var now = Ticker.Now; now < worker.End; now = Ticker.Now)
        {
            worker.Exchange(now);
        }
    });

    private LoadResult Run(Action<Worker> drive)
    {
        var start = Ticker.Now + Ticker.Nanoseconds(TimeSpan.FromMilliseconds(50));
        var measuredFrom = start + Ticker.Nanoseconds(WarmUp);
        var end = measuredFrom + Ticker.Nanoseconds(Length);
        var workers = Enumerable.Range(0, Connections).Select(n => new Worker(this, n, start, measuredFrom, end)).ToList();
        var threads = workers.Select(worker => new Thread(() => worker.Work(drive), 256 * 1024)).ToList();
        threads.ForEach(t => t.Start());

        Ticker.SleepUntil(measuredFrom);
        var before = Watched.Select(ProcessFigures.CpuTime).ToList();
        Ticker.SleepUntil(end);
        var cpu = Watched.Select(ProcessFigures.CpuTime).Zip(before, (after, earlier) => after - earlier).ToList();
        threads.ForEach(t => t.Join());

        var latencies = new LatencyHistogram();
        workers.ForEach(w => latencies.Add(w.Latencies));
        return new LoadResult(latencies, Interlocked.Read(ref failures), firstFailure, Length, cpu);
    }

    private void Fail(string reason)
    {
        Interlocked.Increment(ref failures);
        Interlocked.CompareExchange(ref firstFailure, reason, null);
    }

    private sealed class Worker(LoadRun run, int number, long start, long measuredFrom, long end)
    {
        private IConnection? connection;

        public int Number => number;

        public long Start => start;

        public long End => end;

        public LatencyHistogram Latencies { get; } = new();

        public void Work(Action<Worker> drive)
        {
            Ticker.SharpenThread();
            Ticker.SleepUntil(start);
            drive(this);
            connection?.Dispose();
        }

        public void Exchange(long since)
        {
            try
            {
                connection ??= run.Connect(number);
                connection.Exchange();
                if (since >= measuredFrom)
                {
                    Latencies.Record(Ticker.Now - since);
                }
            }
            catch (Exception e) when (e is IOException or SocketException)
            {
                connection?.Dispose();
                connection = null;
                if (since >= measuredFrom)
                {
                    run.Fail(e.Message);
                }

                Thread.Sleep(1); // One that is refused at once must not take the processor from the others.
            }
        }
    }
}
