using DaprK8s.Components;

namespace DaprK8s.Sidecar.Tests.Bindings;

/// <summary>An input binding whose events a test makes.</summary>
internal sealed class ScriptedBinding : IInputBinding
{
    private volatile TaskCompletionSource<BindingHandler> reading = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile TaskCompletionSource loss = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>How often reading began.</summary>
    public int Reads { get; private set; }

    public bool IsReading { get; private set; }

    public Task InitAsync(ComponentContext context, CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task ReadAsync(BindingHandler handler, CancellationToken cancellationToken)
    {
        Reads++;
        IsReading = true;
        reading.TrySetResult(handler);
        try
        {
            await loss.Task.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // As asked.
        }
        finally
        {
            IsReading = false;
            ended.TrySetResult();
            reading = new TaskCompletionSource<BindingHandler>(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>The handler, once it is being read.</summary>
    public Task<BindingHandler> HandlerAsync() => reading.Task.WaitAsync(TimeSpan.FromSeconds(30));

    /// <summary>Completes when it was read and no longer is.</summary>
    public Task EndedAsync() => ended.Task.WaitAsync(TimeSpan.FromSeconds(30));

    /// <summary>Hands an event over, once it is being read.</summary>
    public async Task<ReadOnlyMemory<byte>> TellAsync(string data, params (string Name, string Value)[] metadata)
        => await (await HandlerAsync())(
            new BindingEvent(System.Text.Encoding.UTF8.GetBytes(data)) { Metadata = metadata.ToDictionary(m => m.Name, m => m.Value) }, CancellationToken.None);

    /// <summary>Loses the source.</summary>
    public void Lose()
    {
        var lost = loss;
        loss = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lost.TrySetException(new IOException("the source is lost"));
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
