namespace DaprK8s.Components.State.Sqlite;

/// <summary>Work for the thread that owns the connection.</summary>
/// <param name="writes">The work needs a transaction; otherwise it must see committed data only.</param>
internal abstract class SqliteJob(bool writes)
{
    private volatile bool abandoned;

    /// <summary>Whether the work needs a transaction.</summary>
    public bool Writes { get; } = writes;

    /// <summary>Nobody waits any more, so that work not yet begun need not be done.</summary>
    public bool Abandoned => abandoned;

    /// <summary>Why the work failed.</summary>
    public Exception? Error { get; private set; }

    /// <summary>Does the work and keeps its result or its error.</summary>
    public void Run(StateTable table)
    {
        try
        {
            Work(table);
        }
        catch (Exception e)
        {
            Error = e;
        }
    }

    /// <summary>Hands the result or the error to the one who waits.</summary>
    public abstract void Complete();

    /// <summary>Hands an error to the one who waits.</summary>
    public abstract void Fail(Exception error);

    /// <summary>Stops waiting.</summary>
    public void Abandon() => abandoned = true;

    private protected abstract void Work(StateTable table);
}

/// <summary>Work with a result.</summary>
internal sealed class SqliteJob<T>(bool writes, Func<StateTable, T> work) : SqliteJob(writes)
{
    private readonly TaskCompletionSource<T> completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private T? result;

    /// <summary>Ends when the work is done, and what it wrote is committed.</summary>
    public Task<T> Task => completion.Task;

    /// <inheritdoc/>
    public override void Complete()
    {
        if (Error is { } error)
        {
            Fail(error);
        }
        else
        {
            completion.TrySetResult(result!);
        }
    }

    /// <inheritdoc/>
    public override void Fail(Exception error)
    {
        completion.TrySetException(error);
        _ = completion.Task.Exception; // Seen, even when nobody waits any more.
    }

    private protected override void Work(StateTable table) => result = work(table);
}
