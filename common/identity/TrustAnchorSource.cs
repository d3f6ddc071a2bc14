using Microsoft.Extensions.Logging;

namespace DaprK8s.Common.Identity;

/// <summary>
/// The trust anchors in force. They come from a text or a file, which is watched, and may be replaced by what sentry sends along with a
/// certificate: it is authentic by the anchors before it, and so a new root reaches a running process (contract: security 2.5).
/// </summary>
public sealed class TrustAnchorSource : IAsyncDisposable
{
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(1);

    private readonly string? path;
    private readonly TimeProvider time;
    private readonly ILogger logger;
    private readonly CancellationTokenSource stop = new();
    private readonly TaskCompletionSource ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile TrustAnchors? current;
    private volatile TaskCompletionSource changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task watch = Task.CompletedTask;
    private string problem = "";

    private TrustAnchorSource(TrustAnchors? fixedAnchors, string? path, TimeProvider time, ILogger logger)
    {
        (this.path, this.time, this.logger) = (path, time, logger);
        if (fixedAnchors is not null)
        {
            Take(fixedAnchors);
        }
    }

    /// <summary>The anchors in force, once there are any.</summary>
    public TrustAnchors? Current => current;

    /// <summary>Completes when there are anchors.</summary>
    public Task Ready => ready.Task;

    /// <summary>Completes at the next change. Take it before <see cref="Current"/>, so that none is missed.</summary>
    public Task Changed => changed.Task;

    /// <summary>Anchors from a text.</summary>
    /// <exception cref="IdentityException">The text holds none.</exception>
    public static TrustAnchorSource FromText(string pem, TimeProvider time, ILogger logger) => new(TrustAnchors.Parse(pem), null, time, logger);

    /// <summary>Anchors from a file, which is waited for and read again when it changes; a bad file leaves the former anchors in force.</summary>
    public static TrustAnchorSource FromFile(string path, TimeProvider time, ILogger logger)
    {
        var source = new TrustAnchorSource(null, path, time, logger);
        source.watch = Task.Run(source.WatchAsync);
        return source;
    }

    /// <summary>Takes over anchors that sentry sent. Those of a file stay what the file says.</summary>
    /// <returns>Whether they were new.</returns>
    public bool Adopt(TrustAnchors sent)
    {
        if (path is not null || (current is { } held && held.IsSameAs(sent)))
        {
            return false;
        }

        Take(sent);
        logger.LogInformation("Trust anchors replaced by those that sentry published: {Count} now", sent.Certificates.Count);
        return true;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await watch;
        stop.Dispose();
    }

    // Mounted files are replaced by renaming links, which watchers of a single file miss; reading a few kilobytes a second is robust.
    private async Task WatchAsync()
    {
        var seen = (Written: DateTime.MinValue, Length: -1L);
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var file = new FileInfo(path!);
                var target = file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file;
                var now = (target.LastWriteTimeUtc, target.Exists ? target.Length : throw new FileNotFoundException("the file is not there"));
                if (now != seen)
                {
                    Read(await File.ReadAllTextAsync(path!, stop.Token));
                    seen = now;
                }
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or IdentityException)
            {
                Complain(e.Message);
            }

            await Task.Delay(Poll, time, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Read(string pem)
    {
        var anchors = TrustAnchors.Parse(pem);
        problem = "";
        if (current is not { } held || !held.IsSameAs(anchors))
        {
            Take(anchors);
            logger.LogInformation("Trust anchors read from {Path}: {Count}", path, anchors.Certificates.Count);
        }
    }

    private void Complain(string what)
    {
        if (what != problem)
        {
            problem = what;
            logger.LogWarning(
                "Trust anchors file {Path} can't be used, {Consequence}: {Problem}",
                path, current is null ? "waiting for it" : "the former anchors stay in force", what);
        }
    }

    private void Take(TrustAnchors anchors)
    {
        current = anchors;
        ready.TrySetResult();
        Interlocked.Exchange(ref changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }
}
