using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace DaprK8s.Components.PubSub.RabbitMq;

/// <summary>
/// One connection to the broker, made when it is asked for and made anew when it was lost. However many ask at once, there
/// is one attempt at a time.
/// </summary>
internal sealed class RabbitMqLink(RabbitMqSettings settings, ComponentContext context) : IAsyncDisposable
{
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(5);

    private readonly Lock gate = new();
    private readonly CancellationTokenSource closing = new();
    private volatile IConnection? connection;
    private Task<Outcome>? attempt;
    private volatile string? blockedBy;

    /// <summary>Whether there is a connection now.</summary>
    public bool IsOpen => connection is { IsOpen: true };

    /// <summary>Why the broker takes no messages on this connection for now, such as a memory alarm.</summary>
    public string? BlockedBy => blockedBy;

    /// <summary>The connection, made first if there is none.</summary>
    /// <exception cref="BrokerUnavailableException">It can't be made.</exception>
    public ValueTask<IConnection> GetAsync(CancellationToken cancellationToken)
        => connection is { IsOpen: true } open ? new(open) : new(ConnectAsync(cancellationToken));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await closing.CancelAsync();
        Task<Outcome>? last;
        lock (gate)
        {
            last = attempt;
        }

        if (last is not null)
        {
            await last;
        }

        if (connection is { } open)
        {
            await open.CloseAsync(Constants.ReplySuccess, "closing", CloseTimeout, abort: true);
            await open.DisposeAsync();
        }
    }

    private async Task<IConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        Task<Outcome> current;
        lock (gate)
        {
            // Not the caller's to cancel: others may wait for the same attempt.
            current = attempt is { IsCompleted: false } ? attempt : attempt = AttemptAsync();
        }

        var outcome = await current.WaitAsync(cancellationToken);
        return outcome.Connection
            ?? throw new BrokerUnavailableException($"no connection to {settings.Address}: {outcome.Problem}", outcome.Cause);
    }

    private async Task<Outcome> AttemptAsync()
    {
        // Makes the attempt visible to others before any of it runs.
        await Task.Yield();
        if (connection is { IsOpen: true } open)
        {
            return new Outcome(open, null, null);
        }

        if (closing.IsCancellationRequested)
        {
            return new Outcome(null, "component is closed", null);
        }

        try
        {
            if (connection is { } lost)
            {
                await lost.DisposeAsync();
            }

            var made = await settings.Factory.CreateConnectionAsync(closing.Token);
            made.ConnectionShutdownAsync += OnShutdownAsync;
            made.ConnectionBlockedAsync += OnBlockedAsync;
            made.ConnectionUnblockedAsync += OnUnblockedAsync;
            blockedBy = null;
            connection = made;
            context.Logger.LogInformation("{Component}: connected", context.LogName);
            return new Outcome(made, null, null);
        }
        catch (Exception e)
        {
            return new Outcome(null, e.GetBaseException().Message, e);
        }
    }

    private Task OnShutdownAsync(object sender, ShutdownEventArgs reason)
    {
        if (reason.Initiator != ShutdownInitiator.Application)
        {
            context.Logger.LogWarning("{Component}: the connection is lost: {Reason}", context.LogName, reason.ReplyText);
        }

        return Task.CompletedTask;
    }

    private Task OnBlockedAsync(object sender, ConnectionBlockedEventArgs reason)
    {
        blockedBy = reason.Reason;
        context.Logger.LogWarning("{Component}: the broker takes no messages for now: {Reason}", context.LogName, reason.Reason);
        return Task.CompletedTask;
    }

    private Task OnUnblockedAsync(object sender, AsyncEventArgs _)
    {
        blockedBy = null;
        context.Logger.LogInformation("{Component}: the broker takes messages again", context.LogName);
        return Task.CompletedTask;
    }

    private sealed record Outcome(IConnection? Connection, string? Problem, Exception? Cause);
}
