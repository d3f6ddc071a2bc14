namespace DaprK8s.Components;

/// <summary>
/// The life of every component instance: constructed (which must cost nothing: no connection, thread or buffer),
/// initialised once, used concurrently, disposed once. A provider that failed to initialise is disposed and a new
/// instance is made for the next attempt.
/// </summary>
public interface IComponent : IAsyncDisposable
{
    /// <summary>
    /// Connects and prepares. Returns when the component can serve.
    /// </summary>
    /// <param name="context">The instance's name, resolved metadata and surroundings.</param>
    /// <param name="cancellationToken">Ends when the component's <c>initTimeout</c> is over or the process stops.</param>
    /// <exception cref="Metadata.ComponentMetadataException">A setting is wrong; trying again won't help.</exception>
    /// <exception cref="Exception">Anything else is taken as passing (server not up yet) and tried again.</exception>
    Task InitAsync(ComponentContext context, CancellationToken cancellationToken);
}
