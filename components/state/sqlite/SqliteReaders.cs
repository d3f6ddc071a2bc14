using Microsoft.Data.Sqlite;

namespace DaprK8s.Components.State.Sqlite;

/// <summary>
/// Connections for reading beside the writer, opened when needed. A read takes microseconds, so it runs on the caller's
/// thread.
/// </summary>
internal sealed class SqliteReaders(Func<StateTable> open) : IDisposable
{
    private readonly SemaphoreSlim free = new(Math.Clamp(Environment.ProcessorCount, 2, 8));
    private readonly Lock gate = new();
    private readonly Stack<StateTable> idle = new();
    private bool disposed;

    /// <summary>Reads with a connection of its own.</summary>
    public async ValueTask<TResult> RunAsync<TArgument, TResult>(
        Func<StateTable, TArgument, TResult> read, TArgument argument, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (!free.Wait(0, CancellationToken.None))
        {
            await free.WaitAsync(cancellationToken);
        }

        StateTable? table = null;
        try
        {
            table = Rent();
            var result = read(table, argument);
            Return(table);
            return result;
        }
        catch
        {
            // What became of the connection is unknown; the next read opens a new one.
            table?.Dispose();
            throw;
        }
        finally
        {
            free.Release();
        }
    }

    /// <summary>Closes the idle connections; one in use closes when it is given back.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            disposed = true;
            while (idle.TryPop(out var table))
            {
                table.Dispose();
            }
        }
    }

    private StateTable Rent()
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            if (idle.TryPop(out var table))
            {
                return table;
            }
        }

        return open();
    }

    private void Return(StateTable table)
    {
        lock (gate)
        {
            if (!disposed)
            {
                idle.Push(table);
                return;
            }
        }

        table.Dispose();
    }
}
