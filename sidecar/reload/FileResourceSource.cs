using System.Runtime.CompilerServices;
using DaprK8s.Common.Resources;
using DaprK8s.Sidecar.Flags;
using DaprK8s.Sidecar.Runtime;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Reload;

/// <summary>
/// The resources of self-hosted mode: the files of <c>--resources-path</c>, watched, and read again as a whole from time to time; and
/// the files of <c>--config</c>, of which those that lie in a watched directory are read again (contract: operations 3.1, 3.7).
/// </summary>
internal sealed class FileResourceSource(SidecarOptions options, ILogger logger, TimeProvider time) : IResourceSource
{
    private static readonly TimeSpan SecondLook = TimeSpan.FromSeconds(1);

    private readonly IReadOnlyList<string> directories = options.ResourcesPaths;
    private readonly DirectoryReader reader = new(options.ResourcesPaths, options.Namespace, logger, time);
    private readonly string[] watchedConfigs = [.. options.ConfigFiles.Where(f => IsIn(f, options.ResourcesPaths))];
    private readonly Dictionary<string, IReadOnlyList<Resource>> told = [];
    private string configurationText = "";
    private string configurationProblem = "";
    private long? clashSince;

    public Task<LoadedResources> LoadAsync(CancellationToken cancellationToken)
    {
        if (options.ConfigFiles.Count == 0)
        {
            logger.LogInformation("loading default configuration");
        }

        configurationText = TextOfConfigurations();
        var configuration = ConfigurationFiles.Load(options.ConfigFiles, Environment.GetEnvironmentVariable);
        var resources = reader.ReadFirst();
        foreach (var (kind, all) in ByKind(resources))
        {
            told[kind] = all;
        }

        return Task.FromResult(new LoadedResources(configuration, resources));
    }

    public async IAsyncEnumerable<SourceEvent> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (directories.Count == 0)
        {
            yield break;
        }

        logger.LogInformation("Watching directories: [{Directories}]", string.Join(", ", directories));
        var isReconcile = false;
        while (true)
        {
            // New watchers each time: a directory may have been replaced by another of its name.
            using var watch = new DirectoryWatch(directories, logger, time);
            var started = time.GetTimestamp();
            var changes = FileChanges.Everything;
            while (changes is not null)
            {
                foreach (var change in Read(changes, isReconcile && changes.IsEverything))
                {
                    yield return change;
                }

                changes = await watch.NextAsync(Left(started), cancellationToken);
            }

            // A second look is no reconcile.
            isReconcile = time.GetElapsedTime(started) >= options.ReconcileInterval;
        }
    }

    private TimeSpan Left(long started)
    {
        var left = options.ReconcileInterval - time.GetElapsedTime(started);
        var limit = (reader.NeedsAnotherLook || clashSince is not null) && left > SecondLook ? SecondLook : left;
        return limit > TimeSpan.Zero ? limit : TimeSpan.Zero;
    }

    private IEnumerable<SourceEvent> Read(FileChanges changes, bool isReconcile)
    {
        if (ReadConfiguration() is { } configuration)
        {
            yield return new ResourceApplied(configuration);
        }

        var kinds = ByKind(reader.Read(changes)).ToList();
        if (IsContradictory(kinds))
        {
            yield break;
        }

        foreach (var (kind, all) in kinds)
        {
            if (isReconcile || !told[kind].SequenceEqual(all, SameContent.Instance))
            {
                told[kind] = all;
                yield return new KindListed(kind, all) { IsReconcile = isReconcile };
            }
        }
    }

    // A resource that moves from one file to another may be in both for a moment.
    private bool IsContradictory(List<(string Kind, IReadOnlyList<Resource> All)> kinds)
    {
        var clashes = kinds.Where(k => k.Kind != ResourceKinds.Subscription).SelectMany(k => Duplicates.Find(k.Kind, k.All, options.AppId)).ToList();
        if (clashes.Count == 0)
        {
            clashSince = null;
            return false;
        }

        var text = string.Join('\n', clashes);
        if (clashSince is not { } since)
        {
            clashSince = time.GetTimestamp();
            logger.LogError("{Clashes}; nothing is reloaded until that is resolved", text);
        }
        else if (time.GetElapsedTime(since) >= SecondLook)
        {
            throw new ResourceException($"failed to load resources from disk: {text}");
        }

        return true;
    }

    private Configuration? ReadConfiguration()
    {
        if (watchedConfigs.Length == 0)
        {
            return null;
        }

        try
        {
            var text = TextOfConfigurations();
            if (text == configurationText || string.IsNullOrWhiteSpace(text))
            {
                return null;
            }

            var configuration = ConfigurationFiles.Load(options.ConfigFiles, Environment.GetEnvironmentVariable);
            (configurationText, configurationProblem) = (text, "");
            return configuration;
        }
        catch (Exception e) when (e is ResourceException or IOException or UnauthorizedAccessException)
        {
            if (configurationProblem != e.Message)
            {
                configurationProblem = e.Message;
                logger.LogError("{Problem}; the configuration that was loaded before stays in use", e.Message);
            }

            return null;
        }
    }

    private string TextOfConfigurations() => string.Join('\n', watchedConfigs.Where(File.Exists).Select(File.ReadAllText));

    private static bool IsIn(string file, IEnumerable<string> directories)
        => Path.GetDirectoryName(Path.GetFullPath(file)) is { } home
            && directories.Any(d => Path.TrimEndingDirectorySeparator(Path.GetFullPath(d)) == home);

    private static IEnumerable<(string Kind, IReadOnlyList<Resource> All)> ByKind(ResourceSet set)
    {
        foreach (var kind in ResourceKinds.Listed)
        {
            yield return (kind, set.OfKind(kind));
        }
    }

    private sealed class SameContent : IEqualityComparer<Resource>
    {
        public static SameContent Instance { get; } = new();

        public bool Equals(Resource? x, Resource? y)
            => ReferenceEquals(x, y) || (x is not null && y is not null && ResourceContent.DigestOf(x) == ResourceContent.DigestOf(y));

        public int GetHashCode(Resource obj) => obj.Name.GetHashCode(StringComparison.Ordinal);
    }
}
