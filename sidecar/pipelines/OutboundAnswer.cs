using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace DaprK8s.Sidecar.Pipelines;

/// <summary>
/// The answer of a call that passes <c>appHttpPipeline</c>: the handlers write it like any response, the caller reads it like any
/// answer. A pipe lies between them, so that a slow reader slows the handlers down.
/// </summary>
internal sealed class OutboundAnswer : IHttpResponseFeature, IHttpResponseBodyFeature, IHttpRequestLifetimeFeature
{
    // Without timer or link it needs no disposing, and may be cancelled late.
    private readonly CancellationTokenSource aborted = new();
    private readonly TaskCompletionSource<HttpResponseMessage> started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Pipe pipe = new(new PipeOptions(useSynchronizationContext: false));
    private List<(Func<object, Task> Callback, object State)>? onStarting;
    private List<(Func<object, Task> Callback, object State)>? onCompleted;
    private PipeWriter? writer;

    public OutboundAnswer()
    {
        Stream = new OutboundStream(this, pipe.Writer);
        RequestAborted = aborted.Token;
    }

    /// <summary>The answer, from the moment its head is settled.</summary>
    public Task<HttpResponseMessage> Started => started.Task;

    public int StatusCode { get; set; } = StatusCodes.Status200OK;

    public string? ReasonPhrase { get; set; }

    public IHeaderDictionary Headers { get; set; } = new HeaderDictionary();

    public bool HasStarted { get; private set; }

    public CancellationToken RequestAborted { get; set; }

    public Stream Stream { get; }

    public PipeWriter Writer => writer ??= PipeWriter.Create(Stream, new StreamPipeWriterOptions(leaveOpen: true));

    // The older way to the body; replacing it goes through the body feature.
    Stream IHttpResponseFeature.Body
    {
        get => Stream;
        set => throw new NotSupportedException("the body is replaced through IHttpResponseBodyFeature");
    }

    public void OnStarting(Func<object, Task> callback, object state) => (onStarting ??= []).Add((callback, state));

    public void OnCompleted(Func<object, Task> callback, object state) => (onCompleted ??= []).Add((callback, state));

    public void DisableBuffering()
    {
    }

    /// <summary>Ends whatever runs for this call.</summary>
    public void Abort() => aborted.Cancel();

    /// <summary>Nobody waits for the answer any more.</summary>
    public void Abandon()
    {
        Abort();
        pipe.Reader.Complete();
    }

    /// <summary>Forgets what was written into a head that has not begun.</summary>
    public void Reset()
    {
        (StatusCode, ReasonPhrase, writer, onStarting) = (StatusCodes.Status200OK, null, null, null);
        Headers.Clear();
    }

    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        if (HasStarted)
        {
            return;
        }

        for (var i = (onStarting?.Count ?? 0) - 1; i >= 0; i--)
        {
            await onStarting![i].Callback(onStarting[i].State);
        }

        HasStarted = true;
        started.TrySetResult(CreateMessage());
    }

    public async Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default)
        => await SendFileFallback.SendFileAsync(Stream, path, offset, count, cancellationToken);

    public async Task CompleteAsync()
    {
        if (writer is not null)
        {
            await writer.FlushAsync(RequestAborted);
        }

        await StartAsync();
        await pipe.Writer.CompleteAsync();
    }

    /// <summary>The handlers are done: the answer is whole, or broken off by an error.</summary>
    public async Task EndAsync(Exception? error)
    {
        if (error is null)
        {
            await CompleteAsync();
        }
        else
        {
            started.TrySetException(error);
            await pipe.Writer.CompleteAsync(error);
        }

        foreach (var (callback, state) in onCompleted ?? [])
        {
            await callback(state);
        }
    }

    private HttpResponseMessage CreateMessage()
    {
        var message = new HttpResponseMessage((HttpStatusCode)StatusCode)
        {
            ReasonPhrase = ReasonPhrase,
            Content = new Body(pipe.Reader.AsStream(), this),
        };
        foreach (var (name, values) in Headers)
        {
            if (!message.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
            {
                message.Content.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
        }

        return message;
    }

    private sealed class Body(Stream stream, OutboundAnswer answer) : StreamContent(stream)
    {
        protected override void Dispose(bool disposing)
        {
            base.Dispose(disposing);
            answer.Abort();
        }
    }
}
