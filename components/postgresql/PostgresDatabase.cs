using System.Net.Sockets;
using Npgsql;

namespace DaprK8s.Components.PostgreSql;

/// <summary>Whether a statement may be sent a second time when its connection broke and nobody knows whether it was run.</summary>
internal enum Repeat
{
    /// <summary>Running it twice is as good as once: reads, and writes without a condition.</summary>
    Anytime,

    /// <summary>A second run would meet the first one's result: only when the server said that it did not run it.</summary>
    UnlessRun,
}

/// <summary>
/// Runs statements on a pool of connections so that a caller does not notice a pooled connection that the server, or
/// something on the way, has closed in the meantime; and so that a transaction chosen as the victim of a deadlock is run again.
/// </summary>
internal sealed class PostgresDatabase(NpgsqlDataSource source, TimeProvider time) : IAsyncDisposable
{
    private const int MostAttempts = 4;

    // As Dapr's driver does: a connection that was quiet for longer is asked for a sign of life before a statement that must
    // not be repeated.
    private static readonly TimeSpan QuietFor = TimeSpan.FromSeconds(1);

    private long lastAnswer = time.GetTimestamp();

    /// <summary>The pool.</summary>
    public NpgsqlDataSource Source => source;

    /// <summary>Makes sure that the server can be reached and lets us in.</summary>
    /// <exception cref="InvalidOperationException">It can't be, or does not.</exception>
    public async Task ConnectAsync(CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = await source.OpenConnectionAsync(cancellationToken);
        }
        catch (Exception e) when (e is NpgsqlException or SocketException or IOException or TimeoutException)
        {
            throw new InvalidOperationException($"failed to connect to the database: {e.Message}", e);
        }
    }

    /// <summary>Fills a command, runs it, and reads its result.</summary>
    /// <param name="repeat">Whether it may run twice.</param>
    /// <param name="request">What <paramref name="work"/> works on.</param>
    /// <param name="work">Fills the command and runs it.</param>
    /// <param name="cancellationToken">Gives up, also in the server.</param>
    public async ValueTask<TResult> RunAsync<TRequest, TResult>(
        Repeat repeat,
        TRequest request,
        Func<NpgsqlCommand, TRequest, CancellationToken, ValueTask<TResult>> work,
        CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            await using var connection = await source.OpenConnectionAsync(cancellationToken);
            var sent = false;
            try
            {
                if (repeat == Repeat.UnlessRun && time.GetElapsedTime(Volatile.Read(ref lastAnswer)) > QuietFor)
                {
                    await PingAsync(connection, cancellationToken);
                }

                sent = repeat == Repeat.UnlessRun;
                await using var command = connection.CreateCommand();
                var result = await work(command, request, cancellationToken);
                Volatile.Write(ref lastAnswer, time.GetTimestamp());
                return result;
            }
            catch (NpgsqlException e) when (MayRepeat(e, attempt, !sent))
            {
                ForgetDeadConnections(e);
            }
        }
    }

    /// <summary>Runs statements as one transaction, sent together.</summary>
    /// <param name="request">What the two functions work on.</param>
    /// <param name="fill">Adds the statements.</param>
    /// <param name="check">Looks at the statements after they ran; what it throws undoes them.</param>
    /// <param name="cancellationToken">Gives up, also in the server.</param>
    public async ValueTask TransactAsync<TRequest>(
        TRequest request, Action<NpgsqlBatch, TRequest> fill, Action<NpgsqlBatch, TRequest> check, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            await using var connection = await source.OpenConnectionAsync(cancellationToken);
            var committing = false;
            try
            {
                await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
                await using var batch = new NpgsqlBatch(connection, transaction);
                fill(batch, request);
                await batch.ExecuteNonQueryAsync(cancellationToken);
                check(batch, request);
                committing = true;
                await transaction.CommitAsync(cancellationToken);
                Volatile.Write(ref lastAnswer, time.GetTimestamp());
                return;
            }
            catch (NpgsqlException e) when (MayRepeat(e, attempt, !committing))
            {
                ForgetDeadConnections(e);
            }
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => source.DisposeAsync();

    private static bool MayRepeat(NpgsqlException e, int attempt, bool harmless)
        => attempt < MostAttempts && (IsUndone(e) || (IsLost(e) && harmless && attempt == 1));

    // The server has not run the statement, or has undone it: deadlock, serialization failure, or an administrator ended the
    // session, while it waited for us or while the statement ran.
    private static bool IsUndone(NpgsqlException e)
        => e is PostgresException
        {
            SqlState: PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.AdminShutdown
        };

    private static bool IsLost(NpgsqlException e)
        => e.InnerException is IOException or SocketException
            || e is PostgresException { SqlState: PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown };

    private static async ValueTask PingAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var ping = new NpgsqlCommand("SELECT 1", connection);
        await ping.ExecuteNonQueryAsync(cancellationToken);
    }

    // What closed one connection has most likely closed the others of the pool.
    private void ForgetDeadConnections(NpgsqlException e)
    {
        if (IsLost(e))
        {
            source.Clear();
        }
    }
}
