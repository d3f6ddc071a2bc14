namespace DaprK8s.Components.State.Sqlite;

/// <summary>
/// The one thread and connection that write. SQLite works while its caller waits, up to the sync of a disk or the lock of
/// another process, which no thread of the pool should sit through. Writes that arrive while one is being made durable are
/// made durable together by the next commit, so the cost of a sync is shared.
/// </summary>
internal sealed class SqliteWriter : IAsyncDisposable
{
    private const int LongestTransaction = 512;
    private const int StackSize = 512 * 1024;
    private readonly object gate = new();
    private readonly Func<CancellationToken, StateTable> open;
    private readonly TimeSpan timeout;
    private readonly TimeProvider time;
    private readonly TaskCompletionSource opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource closing = new(); // Without a timer it holds nothing that needs disposal.
    private List<SqliteJob> waiting = [];
    private bool closed;

    /// <summary>Starts the thread.</summary>
    /// <param name="name">The component's name, for the thread.</param>
    /// <param name="open">Opens and prepares the database; runs on the thread.</param>
    /// <param name="timeout">The longest that a caller waits.</param>
    /// <param name="time">The clock of that time.</param>
    public SqliteWriter(string name, Func<CancellationToken, StateTable> open, TimeSpan timeout, TimeProvider time)
    {
        this.open = open;
        this.timeout = timeout;
        this.time = time;
        new Thread(Live, StackSize) { IsBackground = true, Name = "sqlite " + name }.Start();
    }

    /// <summary>Ends when the database is open, or fails with what prevented it.</summary>
    public Task Opened => opened.Task;

    /// <summary>Has work done on the thread.</summary>
    /// <exception cref="TimeoutException">The work was not done in time; if it had begun it may still be.</exception>
    public async Task<T> RunAsync<T>(bool writes, Func<StateTable, T> work, CancellationToken cancellationToken)
    {
        var job = new SqliteJob<T>(writes, work);
        Enqueue([job]);
        return await WaitAsync(job, cancellationToken);
    }

    /// <summary>Hands over several jobs at once.</summary>
    /// <exception cref="ObjectDisposedException">The writer is closed.</exception>
    public void Enqueue(ReadOnlySpan<SqliteJob> jobs)
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(closed, this);
            waiting.AddRange(jobs);
            Monitor.Pulse(gate);
        }
    }

    /// <summary>Waits for a job that was handed over.</summary>
    public async Task<T> WaitAsync<T>(SqliteJob<T> job, CancellationToken cancellationToken)
    {
        try
        {
            return await job.Task.WaitAsync(timeout, time, cancellationToken);
        }
        finally
        {
            job.Abandon();
        }
    }

    /// <summary>Finishes what was handed over and closes the database.</summary>
    public async ValueTask DisposeAsync()
    {
        await closing.CancelAsync();
        lock (gate)
        {
            closed = true;
            Monitor.Pulse(gate);
        }

        await ended.Task;
    }

    private void Live()
    {
        try
        {
            using var table = open(closing.Token);
            opened.SetResult();
            List<SqliteJob> jobs = [];
            while (Take(ref jobs))
            {
                Work(table, jobs);
                jobs.Clear();
            }
        }
        catch (Exception e)
        {
            // Only opening can throw; whoever started the component is told, and nobody else has the writer yet.
            opened.TrySetException(e);
        }
        finally
        {
            Leave();
        }
    }

    private void Leave()
    {
        lock (gate)
        {
            closed = true;
            foreach (var job in waiting)
            {
                job.Fail(new ObjectDisposedException(nameof(SqliteWriter)));
            }
        }

        ended.SetResult();
    }

    private bool Take(ref List<SqliteJob> jobs)
    {
        lock (gate)
        {
            while (waiting.Count == 0)
            {
                if (closed)
                {
                    return false;
                }

                Monitor.Wait(gate);
            }

            (jobs, waiting) = (waiting, jobs);
            return true;
        }
    }

    private static void Work(StateTable table, List<SqliteJob> jobs)
    {
        List<SqliteJob> transaction = [];
        foreach (var job in jobs)
        {
            if (job.Writes)
            {
                transaction.Add(job);
            }

            if (!job.Writes || transaction.Count == LongestTransaction)
            {
                WriteTogether(table, transaction);
                transaction.Clear();
            }

            if (!job.Writes && !job.Abandoned)
            {
                job.Run(table);
                job.Complete();
            }
        }

        WriteTogether(table, transaction);
    }

    private static void WriteTogether(StateTable table, List<SqliteJob> jobs)
    {
        if (jobs.Count == 0)
        {
            return;
        }

        try
        {
            table.Begin();
            foreach (var job in jobs.Where(static j => !j.Abandoned))
            {
                job.Run(table);
                if (!table.InTransaction)
                {
                    // A full disk, say: SQLite has undone the writes of all.
                    throw job.Error ?? new InvalidOperationException("the transaction ended by itself");
                }
            }

            table.Commit();
        }
        catch (Exception e)
        {
            foreach (var job in jobs)
            {
                job.Fail(e);
            }

            RollBack(table);
            return;
        }

        foreach (var job in jobs)
        {
            job.Complete();
        }
    }

    private static void RollBack(StateTable table)
    {
        try
        {
            table.RollBack();
        }
        catch (Microsoft.Data.Sqlite.SqliteException)
        {
            // The callers have the first error already; if the transaction is still open, the next Begin fails for all to see.
            return;
        }
    }
}
