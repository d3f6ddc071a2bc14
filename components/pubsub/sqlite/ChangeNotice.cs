using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.PubSub.Sqlite;

/// <summary>
/// Lets the processes that share the broker's file tell each other at once that there is something to fetch: the one that
/// has committed touches the file's time, the others watch it. The log that SQLite writes to would tell too early, before
/// the commit can be seen. It is a hint: where a file system does not pass it on, polling finds the messages a little later.
/// </summary>
internal sealed class ChangeNotice : IDisposable
{
    private readonly FileSystemWatcher? watcher;

    /// <summary>Watches.</summary>
    /// <param name="path">The broker's file.</param>
    /// <param name="changed">Called on each notice, one's own included.</param>
    /// <param name="context">The component.</param>
    public ChangeNotice(string path, Action changed, ComponentContext context)
    {
        try
        {
            watcher = new FileSystemWatcher(Path.GetDirectoryName(path)!, Path.GetFileName(path))
            {
                NotifyFilter = NotifyFilters.LastWrite,
            };
            watcher.Changed += (_, _) => changed();
            watcher.Error += (_, _) => changed();
            watcher.EnableRaisingEvents = true;
        }
        catch (Exception e)
        {
            watcher?.Dispose();
            watcher = null;
            context.Logger.LogInformation(
                "{Component}: the file system does not tell of changes, polling only: {Problem}", context.LogName, e.Message);
        }
    }

    /// <summary>Tells the others. By the file's path: closing a second handle would take SQLite's locks away.</summary>
    public static void Give(string path, ComponentContext context)
    {
        try
        {
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            context.Logger.LogDebug("{Component}: telling others of messages: {Problem}", context.LogName, e.Message);
        }
    }

    public void Dispose() => watcher?.Dispose();
}
