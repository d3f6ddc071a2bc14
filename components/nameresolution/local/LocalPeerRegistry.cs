using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.NameResolution.Local;

/// <summary>
/// Sidecars of one user on one machine, found through files instead of the network: each writes
/// <c>peers/&lt;app id&gt;/&lt;pid&gt;-&lt;port&gt;.json</c> and removes it at its end. Files that sidecars left behind when they
/// were killed are recognised (no such process, or another one by now), ignored and removed. Works on machines without a
/// network, and answers within microseconds where a first multicast question takes its time.
/// </summary>
/// <param name="runtimeDirectory">Where the registry lives instead of <c>$XDG_RUNTIME_DIR</c>.</param>
internal sealed class LocalPeerRegistry(string? runtimeDirectory = null) : IAsyncDisposable
{
    // Cleaners of the temporary path remove old files; a sidecar that still runs puts its own back.
    private static readonly TimeSpan FirstUpkeep = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan UpkeepInterval = TimeSpan.FromMinutes(10);

    private const int MaxAppIds = 1024;
    private const int MaxWriteAttempts = 3;

    private readonly ConcurrentDictionary<string, AppPeers> apps = new(StringComparer.Ordinal);
    private TimeProvider time = TimeProvider.System;
    private ILogger logger = null!;
    private PeerDirectory? directory;
    private string unavailable = "not opened";
    private ITimer? upkeep;
    private volatile PeerEntry? own;

    /// <summary>Where it looks, for the text of a not-found error.</summary>
    public string SearchedPlaces => directory is null ? $"no local registry ({unavailable})" : $"local registry {directory.Home}";

    /// <summary>The app ids of all live peers.</summary>
    public IReadOnlyCollection<string> AppIds
    {
        get
        {
            try
            {
                return directory is null ? [] : [.. directory.List().Take(MaxAppIds).Select(d => d.AppId).Where(id => Resolve(id).Length > 0)];
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return [];
            }
        }
    }

    /// <summary>Opens the directory. A machine that has no place for it is no error: there are no local peers then.</summary>
    public void Open(ComponentContext context)
    {
        time = context.Time;
        logger = context.Logger;
        directory = PeerDirectory.TryOpen(runtimeDirectory, out unavailable);
        if (directory is null)
        {
            logger.LogWarning("local registry: not used: {Reason}", unavailable);
        }
    }

    /// <summary>Writes this sidecar's file, and looks after it until the registry is disposed.</summary>
    public void Announce(Announcement self)
    {
        if (directory is null)
        {
            return;
        }

        own = PeerEntry.Of(self, time.GetUtcNow());
        Write(own);
        upkeep = time.CreateTimer(_ => Upkeep(), null, FirstUpkeep, UpkeepInterval);
    }

    /// <summary>The addresses of the app id's live peers; empty when there are none.</summary>
    public string[] Resolve(string appId)
    {
        if (apps.TryGetValue(appId, out var known))
        {
            return known.Addresses();
        }

        if (directory?.DirectoryOf(appId) is not { } path)
        {
            return [];
        }

        // Callers can ask for anything; forgetting what was cached costs a look at the disk.
        if (apps.Count >= MaxAppIds)
        {
            apps.Clear();
        }

        return apps.GetOrAdd(appId, static (id, a) => new AppPeers(id, a.path, a.time, a.logger), (path, time, logger)).Addresses();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (upkeep is not null)
        {
            await upkeep.DisposeAsync();
        }

        if (own is { } entry && directory?.DirectoryOf(entry.AppId) is { } path)
        {
            own = null;
            TryRemove(path, entry);
        }
    }

    private void Write(PeerEntry entry)
    {
        if (directory?.DirectoryOf(entry.AppId) is not { } path)
        {
            logger.LogWarning("local registry: app id {AppId} is too long for a directory", entry.AppId);
            return;
        }

        for (var attempt = 1; ; attempt++)
        {
            try
            {
                if (!PeerDirectory.TryMake(path, out var refused))
                {
                    logger.LogWarning("local registry: not announced: {Reason}", refused);
                    return;
                }

                WriteAtomically(Path.Combine(path, entry.FileName), entry.Encode());
                break;
            }
            catch (DirectoryNotFoundException) when (attempt < MaxWriteAttempts)
            {
                // Another sidecar of the app has just removed the directory that was empty.
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                logger.LogWarning("local registry: not announced: {Reason}", e.Message);
                return;
            }
        }

        if (apps.TryGetValue(entry.AppId, out var peers))
        {
            peers.Forget();
        }
    }

    private static void WriteAtomically(string file, byte[] content)
    {
        var unfinished = Path.Combine(Path.GetDirectoryName(file)!, $".{Guid.NewGuid():N}.tmp");
        FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using (var stream = new FileStream(unfinished, options))
        {
            stream.Write(content);
        }

        File.Move(unfinished, file, overwrite: true);
    }

    private void TryRemove(string path, PeerEntry entry)
    {
        try
        {
            File.Delete(Path.Combine(path, entry.FileName));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            logger.LogDebug("local registry: the own entry can't be removed: {Reason}", e.Message);
        }

        TryRemoveEmpty(path);
    }

    private static void TryRemoveEmpty(string path)
    {
        try
        {
            Directory.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It holds other instances' files, or is gone.
        }
    }

    /// <summary>Puts the own file back if somebody has removed it, and removes those of dead sidecars.</summary>
    private void Upkeep()
    {
        try
        {
            if (own is { } entry && directory?.DirectoryOf(entry.AppId) is { } path && !File.Exists(Path.Combine(path, entry.FileName)))
            {
                Write(entry);
            }

            foreach (var (appId, appPath) in directory?.List().Take(MaxAppIds) ?? [])
            {
                // Looking at an app id's peers removes those that are dead.
                if (Resolve(appId).Length == 0)
                {
                    TryRemoveEmpty(appPath);
                }
            }
        }
        catch (Exception e)
        {
            logger.LogWarning(e, "local registry: upkeep failed");
        }
    }
}
