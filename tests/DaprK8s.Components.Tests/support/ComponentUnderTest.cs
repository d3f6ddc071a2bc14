using DaprK8s.Components.Metadata;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.Tests.Support;

/// <summary>Makes component instances as the runtime does: found in the catalogue, given their metadata, initialised.</summary>
public static class ComponentUnderTest
{
    /// <summary>Makes and initialises an instance; one that fails to initialise is disposed.</summary>
    public static async Task<T> StartAsync<T>(
        string type,
        IEnumerable<KeyValuePair<string, string>>? metadata = null,
        string version = "v1",
        TimeProvider? time = null,
        ILogger? logger = null,
        string appId = "app1")
        where T : class, IComponent
    {
        Assert.True(ProviderCatalog.TryFind(type, version, out var entry), $"{type}/{version} is not in the catalogue");
        var component = Assert.IsAssignableFrom<T>(entry.Describe().Create());
        try
        {
            await component.InitAsync(Context(type, metadata, version, time, logger, appId), TestContext.Current.CancellationToken);
            return component;
        }
        catch
        {
            await component.DisposeAsync();
            throw;
        }
    }

    /// <summary>The context of a component named <c>under-test</c>.</summary>
    public static ComponentContext Context(
        string type,
        IEnumerable<KeyValuePair<string, string>>? metadata = null,
        string version = "v1",
        TimeProvider? time = null,
        ILogger? logger = null,
        string appId = "app1") => new()
        {
            Name = "under-test",
            Type = type,
            Version = version,
            Metadata = new ComponentMetadata(metadata ?? []),
            AppId = appId,
            Time = time ?? TimeProvider.System,
            Logger = logger ?? new RecordingLogger(),
        };

    /// <summary>Joins metadata; the later value of a name wins.</summary>
    public static Dictionary<string, string> Merge(IEnumerable<KeyValuePair<string, string>> metadata, IEnumerable<KeyValuePair<string, string>>? extra)
    {
        var merged = new Dictionary<string, string>(metadata, StringComparer.OrdinalIgnoreCase);
        foreach (var (name, value) in extra ?? [])
        {
            merged[name] = value;
        }

        return merged;
    }
}
