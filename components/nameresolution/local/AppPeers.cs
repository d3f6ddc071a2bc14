using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.NameResolution.Local;

/// <summary>
/// The live peers of one app id. Looked up without touching the file system as long as the last look is younger than
/// <see cref="Freshness"/>; after that the directory is asked whether it has changed, and only if so read again.
/// </summary>
internal sealed class AppPeers(string appId, string path, TimeProvider time, ILogger logger)
{
    /// <summary>For so long a look is taken as the truth.</summary>
    public static readonly TimeSpan Freshness = TimeSpan.FromMilliseconds(100);

    // File systems date changes only so finely: a directory changed this lately may change again under the same date.
    private static readonly TimeSpan DateGranularity = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan AbandonedAfter = TimeSpan.FromMinutes(1);

    private const int MaxFiles = 512;

    private readonly Lock gate = new();
    private volatile Look? last;
    private List<PeerEntry> entries = [];
    private DateTime directoryDate = DateTime.MinValue;
    private DateTime entriesReadAt = DateTime.MinValue;

    /// <summary>The addresses of the live peers.</summary>
    public string[] Addresses()
    {
        if (last is { } fresh && time.GetElapsedTime(fresh.At) < Freshness)
        {
            return fresh.Addresses;
        }

        // One caller looks, the others take what was there a moment ago.
        if (!gate.TryEnter())
        {
            if (last is { } previous)
            {
                return previous.Addresses;
            }

            gate.Enter();
        }

        try
        {
            last = new Look(ReadAddresses(), time.GetTimestamp());
            return last.Addresses;
        }
        finally
        {
            gate.Exit();
        }
    }

    /// <summary>Makes the next look read the directory.</summary>
    public void Forget()
    {
        lock (gate)
        {
            last = null;
            directoryDate = DateTime.MinValue;
        }
    }

    private string[] ReadAddresses()
    {
        try
        {
            // The file system's dates are compared, so the file system's clock counts.
            var date = Directory.GetLastWriteTimeUtc(path);
            if (date != directoryDate || entriesReadAt - date < DateGranularity)
            {
                entriesReadAt = DateTime.UtcNow;
                entries = ReadEntries();
                directoryDate = date;
            }

            entries.RemoveAll(e => !IsAlive(e));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            logger.LogDebug("local registry: peers of {AppId} can't be read: {Reason}", appId, e.Message);
            entries = [];
        }

        var addresses = entries.ConvertAll(e => e.Endpoint).ToArray();
        return last is { } before && before.Addresses.AsSpan().SequenceEqual(addresses) ? before.Addresses : addresses;
    }

    private List<PeerEntry> ReadEntries()
    {
        List<PeerEntry> read = [];
        if (!Directory.Exists(path) || !PeerDirectory.IsTrusted(path, out _))
        {
            return read;
        }

        foreach (var file in Directory.EnumerateFiles(path).Take(MaxFiles))
        {
            var name = Path.GetFileName(file);
            if (IsAbandonedWrite(file, name))
            {
                TryDelete(file);
            }
            else if (TryReadEntry(file) is { } entry && entry.FileName == name && entry.AppId == appId)
            {
                read.Add(entry);
            }
        }

        return read;
    }

    private static PeerEntry? TryReadEntry(string file)
    {
        if (!file.EndsWith(".json", StringComparison.Ordinal) || !PeerDirectory.IsTrustedFile(file))
        {
            return null;
        }

        try
        {
            using var stream = File.OpenRead(file);
            Span<byte> content = stackalloc byte[PeerEntry.MaxLength + 1];
            var length = stream.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
            return length <= PeerEntry.MaxLength && PeerEntry.TryDecode(content[..length], out var entry) ? entry : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Gone meanwhile.
            return null;
        }
    }

    /// <summary>Whether the entry's process runs. Removes the file of one that is known not to.</summary>
    private bool IsAlive(PeerEntry entry)
    {
        if (entry.Scope == ProcessIdentity.Scope)
        {
            if (ProcessIdentity.StartOf(entry.Pid) == entry.ProcessStart)
            {
                return true;
            }

            TryDelete(Path.Combine(path, entry.FileName));
            return false;
        }

        // A process of another container: nothing can be said of it, and its address leads nowhere from here.
        if (ProcessIdentity.IsOfEarlierBoot(entry.Scope))
        {
            TryDelete(Path.Combine(path, entry.FileName));
        }

        return false;
    }

    private static bool IsAbandonedWrite(string file, string name)
        => name.StartsWith('.') && name.EndsWith(".tmp", StringComparison.Ordinal)
            && DateTime.UtcNow - File.GetLastWriteTimeUtc(file) > AbandonedAfter;

    private void TryDelete(string file)
    {
        try
        {
            File.Delete(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            logger.LogDebug("local registry: a stale entry of {AppId} can't be removed: {Reason}", appId, e.Message);
        }
    }

    private sealed record Look(string[] Addresses, long At);
}
