using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace DaprK8s.Components.Redis;

/// <summary>
/// A component's connection to Redis. Made only while the server answers; afterwards the connection is made again whenever
/// it is lost, and calls fail fast in the meantime, with the reason.
/// </summary>
internal sealed class RedisClient : IAsyncDisposable
{
    private readonly ComponentContext context;
    private readonly string title;
    private readonly ConnectionMultiplexer connection;
    private readonly RedisAttempts attempts;

    private RedisClient(RedisSettings settings, string title, ComponentContext context, ConnectionMultiplexer connection, RedisAttempts attempts)
    {
        Settings = settings;
        this.title = title;
        this.context = context;
        this.connection = connection;
        this.attempts = attempts;
        Database = connection.GetDatabase();
    }

    /// <summary>What the connection was made with.</summary>
    public RedisSettings Settings { get; }

    /// <summary>The database of the settings, without the retries of this class.</summary>
    public IDatabase Database { get; }

    /// <summary>Raised when a lost connection is there again.</summary>
    public event Action? Restored;

    /// <summary>Connects and makes sure that the server answers.</summary>
    /// <param name="settings">Where to and how.</param>
    /// <param name="title">What errors begin with.</param>
    /// <param name="context">The component.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="IOException">It does not.</exception>
    public static async Task<RedisClient> ConnectAsync(
        RedisSettings settings, string title, ComponentContext context, CancellationToken cancellationToken)
    {
        var attempts = new RedisAttempts();
        var options = settings.ToOptions();
        options.ConnectionAttemptCompleted += attempts.Note;
        var connecting = ConnectionMultiplexer.ConnectAsync(options);
        ConnectionMultiplexer? connection = null;
        try
        {
            connection = await connecting.WaitAsync(cancellationToken);
            var client = new RedisClient(settings, title, context, connection, attempts);
            await client.Database.PingAsync().WaitAsync(cancellationToken);
            client.WatchConnection();
            return client;
        }
        catch (Exception e)
        {
            if (connection is null)
            {
                DisposeLater(connecting);
            }
            else
            {
                await connection.DisposeAsync();
            }

            if (e is OperationCanceledException && cancellationToken.IsCancellationRequested)
            {
                throw;
            }

            throw new IOException($"{title}: error connecting to redis at {settings.HostText}: {await attempts.ExplainAsync(e)}", e);
        }
    }

    /// <summary>
    /// Opens another connection to the same servers, for calls that wait at the server and would hold up all others.
    /// </summary>
    /// <param name="answerTimeout">How long its calls may take.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<RedisClient> OpenAnotherAsync(TimeSpan answerTimeout, CancellationToken cancellationToken)
        => ConnectAsync(Settings with { AnswerTimeout = answerTimeout }, title, context, cancellationToken);

    /// <summary>The server that takes the writes of a key.</summary>
    /// <exception cref="IOException">It is not reachable.</exception>
    public IServer ServerOf(RedisKey key)
    {
        try
        {
            return connection.GetServer(key, flags: CommandFlags.DemandMaster);
        }
        catch (InvalidOperationException e)
        {
            throw new IOException($"{title}: error connecting to redis at {Settings.HostText}: {attempts.LastProblem ?? "no server has the key"}", e);
        }
    }

    /// <summary>A server by its address.</summary>
    public IServer Server(System.Net.EndPoint endPoint) => connection.GetServer(endPoint);

    /// <summary>The servers that together have all keys: one, or those of a cluster that have slots.</summary>
    public async Task<IReadOnlyList<IServer>> KeyServersAsync(RedisKey anyKey)
    {
        var server = ServerOf(anyKey);
        if (server.ServerType != ServerType.Cluster)
        {
            return [server];
        }

        var nodes = (await server.ClusterNodesAsync())?.Nodes ?? [];
        return [.. nodes.Where(static n => n is { IsReplica: false, EndPoint: not null, Slots.Count: > 0 }).Select(n => connection.GetServer(n.EndPoint!))];
    }

    /// <summary>The cluster slot of a key.</summary>
    public int SlotOf(string key) => connection.HashSlot(key);

    /// <summary>Whether the servers are a cluster.</summary>
    public bool IsCluster => connection.GetServers().Any(static s => s.ServerType == ServerType.Cluster);

    /// <summary>
    /// Reads. A lost connection is tried again as configured; the caller may give up at any time.
    /// </summary>
    public async ValueTask<TResult> ReadAsync<TState, TResult>(
        TState state, Func<IDatabase, TState, Task<TResult>> call, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return await call(Database, state).WaitAsync(cancellationToken);
            }
            catch (RedisConnectionException) when (attempt < Settings.MaxRetries)
            {
                await Task.Delay(Settings.RetryWait(attempt), context.Time, cancellationToken);
            }
        }
    }

    /// <summary>
    /// Writes. Tried again only when the command is known not to have left, so that nothing is applied twice. A command that
    /// has left is awaited to its end, which the answer timeout bounds: its outcome is unknown before, and so is whether the
    /// caller's memory is still being sent.
    /// </summary>
    public async ValueTask<TResult> WriteAsync<TState, TResult>(
        TState state, Func<IDatabase, TState, Task<TResult>> call, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return await call(Database, state);
            }
            catch (RedisConnectionException e) when (attempt < Settings.MaxRetries && e.NeverLeft())
            {
                await Task.Delay(Settings.RetryWait(attempt), context.Time, cancellationToken);
            }
        }
    }

    /// <summary>One clause on why a call failed, without secrets.</summary>
    public string Explain(Exception e) => e switch
    {
        RedisServerException => e.Message,
        RedisTimeoutException => $"no answer from redis at {Settings.HostText} in time",
        RedisConnectionException c => c.NeverLeft()
            ? $"error connecting to redis at {Settings.HostText}: {attempts.LastProblem ?? c.FailureType.ToString()}"
            : $"the connection to redis at {Settings.HostText} was lost before the answer came ({c.FailureType})",
        _ => e.Message,
    };

    /// <summary>Closes the connection; calls that are under way fail, so that a server that does not answer holds up nobody.</summary>
    public async ValueTask DisposeAsync()
    {
        await connection.CloseAsync(allowCommandsToComplete: false);
        await connection.DisposeAsync();
    }

    private static void DisposeLater(Task<ConnectionMultiplexer> connecting)
        => connecting.ContinueWith(
            static c =>
            {
                if (c.IsCompletedSuccessfully)
                {
                    c.Result.Dispose();
                }
                else
                {
                    _ = c.Exception;
                }
            },
            CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);

    private void WatchConnection()
    {
        connection.ConnectionFailed += (_, e) =>
        {
            if (e.ConnectionType == ConnectionType.Interactive)
            {
                context.Logger.LogWarning(
                    "{Component}: the connection to redis at {EndPoint} is lost, connecting again: {Reason}",
                    context.LogName, e.EndPoint, e.FailureType);
            }
        };
        connection.ConnectionRestored += (_, e) =>
        {
            if (e.ConnectionType == ConnectionType.Interactive)
            {
                context.Logger.LogInformation("{Component}: the connection to redis at {EndPoint} is there again", context.LogName, e.EndPoint);
                Restored?.Invoke();
            }
        };
    }
}
