namespace DaprK8s.Components;

/// <summary>A source of events from outside that the app is to handle (contract: components 5.1).</summary>
public interface IInputBinding : IComponent
{
    /// <summary>
    /// Reads events and hands each to the app, until cancelled. Called again after it has ended, when the app has come back.
    /// </summary>
    /// <param name="handler">Hands an event over. It throws when the app has not taken it: where the source supports it, it is not acknowledged.</param>
    /// <param name="cancellationToken">Stops reading; events already handed over are waited for.</param>
    /// <exception cref="Exception">The source is lost; the caller begins again after a pause.</exception>
    Task ReadAsync(BindingHandler handler, CancellationToken cancellationToken);
}

/// <summary>Hands an event to the app.</summary>
/// <returns>What the app answered, for sources that pass it on.</returns>
public delegate ValueTask<ReadOnlyMemory<byte>> BindingHandler(BindingEvent received, CancellationToken cancellationToken);
