using DaprK8s.Common.Resources;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Reload;

/// <summary>
/// Reads the resource directories again and again and remembers what it read: a file that can't be read as it is now, and a directory
/// that isn't there, count as they were, with a line in the log that names the place.
/// </summary>
internal sealed class DirectoryReader(IReadOnlyList<string> directories, string ownNamespace, ILogger logger, TimeProvider time)
{
    /// <summary>
    /// How long a file that held resources may be blank, and a directory that came back lack files, before they count as removed: many
    /// a tool empties a file and then writes it.
    /// </summary>
    private static readonly TimeSpan SettlingTime = TimeSpan.FromSeconds(1);

    private readonly Dictionary<string, Known> files = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> directoryProblems = new(StringComparer.Ordinal);
    private readonly Dictionary<string, DateTimeOffset> backSince = new(StringComparer.Ordinal);

    /// <summary>Something is not as it should be; look again soon, even if nothing more is written.</summary>
    public bool NeedsAnotherLook { get; private set; }

    /// <summary>Reads for the first time, as strictly as a start demands.</summary>
    /// <exception cref="ResourceException">A directory can't be read.</exception>
    public ResourceSet ReadFirst()
    {
        var set = ResourceSet.CreateEmpty();
        foreach (var directory in directories)
        {
            foreach (var file in ResourceFiles.FilesOf(directory))
            {
                if (!ResourceFiles.IsYaml(file))
                {
                    logger.LogWarning("A non-YAML Component file {File} was detected, it will not be loaded", file);
                    continue;
                }

                var stamp = Stamp.Of(file);
                var read = ResourceFiles.ReadFile(file, ownNamespace);
                foreach (var problem in read.Problems)
                {
                    logger.LogWarning("{Problem}", problem);
                }

                files[file] = new Known(read, stamp, read.Problems, null);
                set.Add(read.Resources);
            }
        }

        return set;
    }

    /// <summary>Reads what may have changed.</summary>
    public ResourceSet Read(FileChanges changes)
    {
        NeedsAnotherLook = false;
        var set = ResourceSet.CreateEmpty();
        var present = new HashSet<string>(StringComparer.Ordinal);
        foreach (var directory in directories)
        {
            foreach (var file in FilesOf(directory))
            {
                present.Add(file);
                var known = Read(file, changes);
                files[file] = known;
                set.Add(known.Accepted.Resources);
            }
        }

        foreach (var gone in files.Keys.Where(f => !present.Contains(f)).ToList())
        {
            files.Remove(gone);
        }

        return set;
    }

    private IEnumerable<string> FilesOf(string directory)
    {
        try
        {
            var found = ResourceFiles.FilesOf(directory).Where(ResourceFiles.IsYaml).ToList();
            if (directoryProblems.Remove(directory))
            {
                logger.LogInformation("The resources path {Directory} can be read again", directory);
                backSince[directory] = time.GetUtcNow();
            }

            return IsBeingFilled(directory) ? found.Union(KnownFilesOf(directory)).Order(StringComparer.Ordinal) : found;
        }
        catch (ResourceException e)
        {
            NeedsAnotherLook = true;
            if (!directoryProblems.TryGetValue(directory, out var told) || told != e.Message)
            {
                directoryProblems[directory] = e.Message;
                logger.LogError("{Problem}; what was loaded from it stays in use", e.Message);
            }

            return KnownFilesOf(directory).Order(StringComparer.Ordinal).ToList();
        }
    }

    // Who puts a directory back fills it file by file.
    private bool IsBeingFilled(string directory)
    {
        if (!backSince.TryGetValue(directory, out var since))
        {
            return false;
        }

        if (time.GetUtcNow() - since < SettlingTime)
        {
            NeedsAnotherLook = true;
            return true;
        }

        backSince.Remove(directory);
        return false;
    }

    private IEnumerable<string> KnownFilesOf(string directory)
        => files.Keys.Where(f => Path.GetDirectoryName(f) == Path.TrimEndingDirectorySeparator(directory));

    private Known Read(string file, FileChanges changes)
    {
        var stamp = Stamp.Of(file);
        var before = files.GetValueOrDefault(file);
        if (before is { BlankSince: null } && before.Stamp == stamp && !changes.IsEverything && !changes.Paths.Contains(Path.GetFullPath(file)))
        {
            return before;
        }

        if (stamp == default && before is not null)
        {
            // Its directory is gone, or it went a moment ago, which the next look takes for what it is.
            return before;
        }

        var read = ResourceFiles.ReadFile(file, ownNamespace);
        if (before is null || !before.Accepted.HasResources)
        {
            Tell(read.Problems, before?.Told, "");
            return new Known(read, stamp, read.Problems, null);
        }

        if (read.Problems.Count > 0)
        {
            Tell(read.Problems, before.Told, "; what was read of the file before stays in use");
            return before with { Stamp = stamp, Told = read.Problems, BlankSince = null };
        }

        if (read.IsBlank)
        {
            var since = before.BlankSince ?? time.GetUtcNow();
            if (time.GetUtcNow() - since < SettlingTime)
            {
                NeedsAnotherLook = true;
                return before with { Stamp = stamp, BlankSince = since };
            }
        }

        return new Known(read, stamp, [], null);
    }

    private void Tell(IReadOnlyList<string> problems, IReadOnlyList<string>? told, string remark)
    {
        foreach (var problem in problems)
        {
            if (told?.Contains(problem) != true)
            {
                logger.LogError("{Problem}{Remark}", problem, remark);
            }
        }
    }

    /// <param name="Accepted">What counts.</param>
    /// <param name="Stamp">The file as it was read last.</param>
    /// <param name="Told">The problems that the log has.</param>
    /// <param name="BlankSince">Since when it is blank although it held resources.</param>
    private sealed record Known(ResourceFile Accepted, Stamp Stamp, IReadOnlyList<string> Told, DateTimeOffset? BlankSince);

    private readonly record struct Stamp(long Length, DateTime Written)
    {
        public static Stamp Of(string file)
        {
            var info = new FileInfo(file);
            return info.Exists ? new Stamp(info.Length, info.LastWriteTimeUtc) : default;
        }
    }
}
