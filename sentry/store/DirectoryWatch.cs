using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace DaprK8s.Sentry.Store;

/// <summary>
/// Watches files by their directories, as the mounted ones of Kubernetes are replaced by turning a link in the directory. Changes are
/// gathered until it has been quiet for two seconds (contract: security 1.13).
/// </summary>
internal static class DirectoryWatch
{
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(2);

    // A system that reports no changes (network file systems) is looked at this often.
    private static readonly TimeSpan AtLeast = TimeSpan.FromMinutes(1);

    /// <summary>
    /// Yields once the files are watched, as they may have changed before, then after changes of them, and now and then without one.
    /// Never ends before cancellation.
    /// </summary>
    public static async IAsyncEnumerable<bool> ChangesAsync(
        IEnumerable<string> files, TimeProvider time, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var changes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        using var watchers = new Watchers(files, () => changes.Writer.TryWrite(true));
        while (true)
        {
            if (!watchers.Complete() && await WaitAsync(changes.Reader, AtLeast, time, cancellationToken))
            {
                while (await WaitAsync(changes.Reader, Quiet, time, cancellationToken))
                {
                }
            }

            yield return true;
        }
    }

    // Whether a change came within the time.
    private static async Task<bool> WaitAsync(ChannelReader<bool> changes, TimeSpan wait, TimeProvider time, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(wait, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            return await changes.ReadAsync(either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>One watcher a directory; a directory that is not there yet is tried again.</summary>
    private sealed class Watchers(IEnumerable<string> files, Action changed) : IDisposable
    {
        private readonly ILookup<string, string> names = files.ToLookup(f => Path.GetDirectoryName(Path.GetFullPath(f))!, f => Path.GetFileName(f));
        private readonly Dictionary<string, FileSystemWatcher> watchers = [];

        /// <summary>Whether a directory is watched that was not before.</summary>
        public bool Complete()
        {
            var before = watchers.Count;
            foreach (var directory in names.Select(n => n.Key).Where(d => !watchers.ContainsKey(d) && Directory.Exists(d)))
            {
                var watcher = new FileSystemWatcher(directory);
                watcher.Created += Seen;
                watcher.Changed += Seen;
                watcher.Deleted += Seen;
                watcher.Renamed += Seen;
                watcher.Error += (_, _) => changed();
                try
                {
                    watcher.EnableRaisingEvents = true;
                    watchers[directory] = watcher;
                }
                catch (Exception e) when (e is IOException or ArgumentException)
                {
                    // Out of watches, or just removed: the regular look will do until it works.
                    watcher.Dispose();
                }
            }

            return watchers.Count > before;

            void Seen(object sender, FileSystemEventArgs e)
            {
                if (e.Name is { } name && (name == "..data" || names[Path.GetDirectoryName(e.FullPath)!].Contains(name)))
                {
                    changed();
                }
            }
        }

        public void Dispose()
        {
            foreach (var watcher in watchers.Values)
            {
                watcher.Dispose();
            }
        }
    }
}
