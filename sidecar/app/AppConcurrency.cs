namespace DaprK8s.Sidecar.App;

/// <summary>The slots of <c>--app-max-concurrency</c>; none to wait for when it is unlimited.</summary>
internal sealed class AppConcurrency(int limit) : IDisposable
{
    private readonly SemaphoreSlim? slots = limit > 0 ? new SemaphoreSlim(limit, limit) : null;

    /// <summary>Waits for a slot; release it once the answer's body has been read.</summary>
    public Task EnterAsync(CancellationToken cancellationToken) => slots?.WaitAsync(cancellationToken) ?? Task.CompletedTask;

    public void Leave() => slots?.Release();

    public void Dispose() => slots?.Dispose();
}
