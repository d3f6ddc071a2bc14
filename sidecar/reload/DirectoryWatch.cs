using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Reload;

/// <summary>Which files a round of reading has to look at again.</summary>
/// <param name="Paths">Those that were written; others are looked at only when their size or time differs.</param>
/// <param name="IsEverything">Every file, whatever is known of it.</param>
internal sealed record FileChanges(IReadOnlySet<string> Paths, bool IsEverything)
{
    public static FileChanges Everything { get; } = new(new HashSet<string>(), IsEverything: true);
}

/// <summary>
/// Tells when files of directories are written. A file that is being written is waited for until it rests, so that half of it is
/// rarely read; one that never rests is read all the same after a while.
/// </summary>
internal sealed class DirectoryWatch : IDisposable
{
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(15);
    private static readonly TimeSpan LongestUnrest = TimeSpan.FromMilliseconds(150);

    private readonly Lock gate = new();
    private readonly List<FileSystemWatcher> watchers = [];
    private readonly TimeProvider time;
    private HashSet<string> written = new(StringComparer.Ordinal);
    private TaskCompletionSource signal = NewSignal();
    private bool isOverrun;
    private long events;

    public DirectoryWatch(IEnumerable<string> directories, ILogger logger, TimeProvider time)
    {
        this.time = time;
        foreach (var directory in directories)
        {
            try
            {
                watchers.Add(Watch(directory));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
            {
                logger.LogError("can't watch the resources path {Directory} for changes, it is read at each reconcile only: {Error}", directory, e.Message);
            }
        }
    }

    /// <summary>Waits for files to be written and to rest.</summary>
    /// <param name="limit">How long to wait for the first.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>What was written, or nothing when the limit passed.</returns>
    public async Task<FileChanges?> NextAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        try
        {
            await Volatile.Read(ref signal).Task.WaitAsync(limit, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            return null;
        }

        var started = time.GetTimestamp();
        long seen;
        do
        {
            seen = Interlocked.Read(ref events);
            await Task.Delay(Rest, time, cancellationToken);
        }
        while (seen != Interlocked.Read(ref events) && time.GetElapsedTime(started) < LongestUnrest);

        lock (gate)
        {
            var changes = isOverrun ? FileChanges.Everything : new FileChanges(written, IsEverything: false);
            (written, isOverrun) = (new HashSet<string>(StringComparer.Ordinal), false);
            signal = NewSignal();
            return changes;
        }
    }

    public void Dispose() => watchers.ForEach(w => w.Dispose());

    private FileSystemWatcher Watch(string directory)
    {
        var watcher = new FileSystemWatcher(directory)
        {
            NotifyFilter = NotifyFilters.FileName | NotifyFilters.LastWrite | NotifyFilters.Size | NotifyFilters.CreationTime | NotifyFilters.Security,
        };
        try
        {
            watcher.Created += (_, e) => Note(e.FullPath);
            watcher.Changed += (_, e) => Note(e.FullPath);
            watcher.Deleted += (_, e) => Note(e.FullPath);
            watcher.Renamed += (_, e) =>
            {
                Note(e.OldFullPath);
                Note(e.FullPath);
            };
            watcher.Error += (_, _) => Note(null);
            watcher.EnableRaisingEvents = true;
            return watcher;
        }
        catch
        {
            watcher.Dispose();
            throw;
        }
    }

    private void Note(string? path)
    {
        lock (gate)
        {
            events++;

            // A mounted ConfigMap is changed as a whole, by a link beside the files whose name begins with two dots.
            if (path is null || Path.GetFileName(path).StartsWith("..", StringComparison.Ordinal))
            {
                isOverrun = true;
            }
            else
            {
                written.Add(Path.GetFullPath(path));
            }

            signal.TrySetResult();
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
