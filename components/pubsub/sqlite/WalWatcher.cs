using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.PubSub.Sqlite;

/// <summary>
/// Tells at once when some process has written to the broker's file. A hint: on file systems that do not tell of other
/// machines' or containers' writes, polling finds them a little later.
/// </summary>
internal sealed class WalWatcher : IDisposable
{
    private readonly FileSystemWatcher? watcher;

    public WalWatcher(string path, Action changed, ComponentContext context)
    {
        try
        {
            // Every commit is an addition to this file.
            watcher = new FileSystemWatcher(Path.GetDirectoryName(path)!, Path.GetFileName(path) + "-wal")
            {
                NotifyFilter = NotifyFilters.LastWrite | NotifyFilters.Size | NotifyFilters.FileName,
            };
            watcher.Changed += (_, _) => changed();
            watcher.Created += (_, _) => changed();
            watcher.Error += (_, _) => changed();
            watcher.EnableRaisingEvents = true;
        }
        catch (Exception e)
        {
            watcher?.Dispose();
            watcher = null;
            context.Logger.LogInformation("{Component}: the file system does not tell of changes, polling only: {Problem}", context.LogName, e.Message);
        }
    }

    public void Dispose() => watcher?.Dispose();
}
