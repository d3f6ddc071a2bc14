using System.Threading.Channels;
using DaprK8s.Common.Resources;
using DaprK8s.Sidecar.Flags;
using DaprK8s.Sidecar.Reload;
using DaprK8s.Sidecar.Tests.PubSub;

namespace DaprK8s.Sidecar.Tests.Reload;

/// <summary>What is told of files that are written, half written, broken and deleted.</summary>
public sealed class FileResourceSourceTests : IAsyncDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("daprk8s-reload-").FullName;
    private readonly Channel<SourceEvent> events = Channel.CreateUnbounded<SourceEvent>();
    private readonly CancellationTokenSource ended = new();
    private readonly LogLines log = new();
    private Task watching = Task.CompletedTask;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await ended.CancelAsync();
        await watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (Directory.Exists(directory))
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task Files_that_appear_change_and_go_are_told()
    {
        Write("a.yaml", Component("a"));
        var loaded = await StartAsync();
        Assert.Equal(["a"], loaded.Resources.Components.Select(c => c.Name));

        Write("b.yml", Component("b") + "\n---\n" + Endpoint("e", "http://one"));
        Assert.Equal(["a", "b"], await NextNamesAsync(ResourceKinds.Component));
        Assert.Equal(["e"], await NextNamesAsync(ResourceKinds.HttpEndpoint));

        Write("b.yml", Component("b") + "\n---\n" + Endpoint("e", "http://two"));
        Assert.Equal("http://two", (await NextAsync(ResourceKinds.HttpEndpoint)).All.Cast<HttpEndpoint>().Single().Spec.BaseUrl);

        File.Delete(At("a.yaml"));
        Assert.Equal(["b"], await NextNamesAsync(ResourceKinds.Component));
    }

    [Fact]
    public async Task A_change_between_the_load_and_the_watch_is_not_missed()
    {
        var source = Source();
        await source.LoadAsync(Stop);
        Write("a.yaml", Component("a"));
        Watch(source);
        Assert.Equal(["a"], await NextNamesAsync(ResourceKinds.Component));
    }

    [Fact]
    public async Task A_file_that_does_not_parse_leaves_what_was_read_of_it_and_the_log_has_the_place()
    {
        Write("a.yaml", Component("a") + "\n---\n" + Component("b"));
        await StartAsync();

        Write("a.yaml", Component("a", "changed") + "\n---\nkind: [Component\n");
        await PubSubBench.UntilAsync(() => log.Has("a.yaml: line "), "the error");
        Assert.True(log.Has("what was read of the file before stays in use"));
        Write("c.yaml", Component("c"));
        var all = (await NextAsync(ResourceKinds.Component)).All.Cast<Component>().ToList();
        Assert.Equal(["a", "b", "c"], all.Select(c => c.Name));
        Assert.Equal("state.in-memory", all[0].Spec.Type);

        Write("a.yaml", Component("a", "changed"));
        Assert.Equal(["a", "c"], await NextNamesAsync(ResourceKinds.Component));
    }

    [Fact]
    public async Task A_field_that_is_wrong_is_named()
    {
        Write("a.yaml", Component("a"));
        await StartAsync();
        Write("a.yaml", "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: a}\nspec: {type: state.in-memory, ignoreErrors: perhaps}\n");
        await PubSubBench.UntilAsync(() => log.Has("a.yaml") && log.Has("$.spec.ignoreErrors"), "the error");
    }

    [Fact]
    public async Task A_file_that_is_emptied_to_be_written_loses_nothing_and_one_that_stays_empty_does()
    {
        Write("a.yaml", Component("a"));
        Write("b.yaml", Component("b"));
        await StartAsync();

        Write("a.yaml", "");
        Write("c.yaml", Component("c"));
        Assert.Equal(["a", "b", "c"], await NextNamesAsync(ResourceKinds.Component));
        Assert.Equal(["b", "c"], await NextNamesAsync(ResourceKinds.Component));
    }

    [Fact]
    public async Task A_directory_that_goes_keeps_its_resources_and_one_that_comes_back_is_read()
    {
        Write("a.yaml", Component("a"));
        await StartAsync();

        Directory.Delete(directory, recursive: true);
        await PubSubBench.UntilAsync(() => log.Has("can't read the resources path"), "the error");
        Assert.True(log.Has("what was loaded from it stays in use"));
        Directory.CreateDirectory(directory);
        await PubSubBench.UntilAsync(() => log.Has("can be read again"), "the directory to be found");
        Write("b.yaml", Component("b"));
        while (await NextNamesAsync(ResourceKinds.Component) is not ["b"])
        {
            // What the directory held is kept for a moment, until it has been filled.
        }

    }

    [Fact]
    public async Task A_file_that_can_not_be_read_keeps_its_resources()
    {
        Write("a.yaml", Component("a"));
        await StartAsync();
        File.CreateSymbolicLink(At("link"), At("nowhere"));
        File.Move(At("link"), At("a.yaml"), overwrite: true);
        await PubSubBench.UntilAsync(() => log.Has("daprd load error when reading file"), "the error");
        Write("b.yaml", Component("b"));
        Assert.Equal(["a", "b"], await NextNamesAsync(ResourceKinds.Component));
    }

    [Fact]
    public async Task A_name_that_is_taken_twice_for_good_ends_the_watch_and_one_that_moves_does_not()
    {
        Write("a.yaml", Component("a"));
        await StartAsync();
        Write("b.yaml", Component("a"));
        File.Delete(At("a.yaml"));
        Write("c.yaml", Component("c"));
        Assert.Equal(["a", "c"], await NextNamesAsync(ResourceKinds.Component));

        Write("a.yaml", Component("a"));
        var error = await Assert.ThrowsAsync<ResourceException>(() => watching.WaitAsync(PubSubBench.Patience, Stop));
        Assert.StartsWith(
            "failed to load resources from disk: duplicate definition of Component name a (state.in-memory/v1) with existing a (state.in-memory/v1)",
            error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task From_time_to_time_everything_is_told()
    {
        Write("a.yaml", Component("a"));
        await StartAsync(TimeSpan.FromMilliseconds(50));
        var all = await NextAsync(ResourceKinds.Component);
        Assert.True(all.IsReconcile);
        Assert.Equal(["a"], all.All.Select(r => r.Name));
    }

    [Fact]
    public async Task A_configuration_in_a_watched_directory_is_told_when_it_is_right()
    {
        Write("config.yaml", Configuration("0.5"));
        await StartAsync(configs: At("config.yaml"));

        Write("config.yaml", "spec: [");
        await PubSubBench.UntilAsync(() => log.Has("the configuration that was loaded before stays in use"), "the error");
        Write("config.yaml", Configuration("0.7"));

        var told = await events.Reader.ReadAsync(Stop).AsTask().WaitAsync(PubSubBench.Patience, Stop);
        var configuration = Assert.IsType<Configuration>(Assert.IsType<ResourceApplied>(told).Resource);
        Assert.Equal(("0.7", "allow"), (configuration.Spec.Tracing!.SamplingRate, configuration.Spec.AccessControl!.DefaultAction));
    }

    [Fact]
    public async Task Without_directories_there_is_nothing_to_watch()
    {
        var source = new FileResourceSource(new SidecarOptions { AppId = "app1" }, log, TimeProvider.System);
        await source.LoadAsync(Stop);
        Assert.Empty(await source.WatchAsync(Stop).ToListAsync(Stop));
    }

    private static string Component(string name, string type = "state.in-memory")
        => $"apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {{name: {name}}}\nspec: {{type: {type}, version: v1}}\n";

    private static string Endpoint(string name, string url)
        => $"apiVersion: dapr.io/v1alpha1\nkind: HTTPEndpoint\nmetadata: {{name: {name}}}\nspec: {{baseUrl: '{url}'}}\n";

    private static string Configuration(string rate)
        => $"apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {{name: c}}\nspec: {{tracing: {{samplingRate: '{rate}'}}}}\n";

    private string At(string file) => Path.Combine(directory, file);

    private void Write(string file, string text) => File.WriteAllText(At(file), text);

    private FileResourceSource Source(TimeSpan? interval = null, params string[] configs)
        => new(
            new SidecarOptions { AppId = "app1", ResourcesPaths = [directory], ConfigFiles = configs, ReconcileInterval = interval ?? TimeSpan.FromMinutes(1) },
            log, TimeProvider.System);

    private async Task<LoadedResources> StartAsync(TimeSpan? interval = null, params string[] configs)
    {
        var source = Source(interval, configs);
        var loaded = await source.LoadAsync(Stop);
        Watch(source);
        await PubSubBench.UntilAsync(() => log.Has("Watching directories: ["), "the watch");
        return loaded;
    }

    private void Watch(FileResourceSource source)
        => watching = Task.Run(async () =>
        {
            await foreach (var told in source.WatchAsync(ended.Token))
            {
                events.Writer.TryWrite(told);
            }
        });

    private async Task<string[]> NextNamesAsync(string kind) => [.. (await NextAsync(kind)).All.Select(r => r.Name)];

    private async Task<KindListed> NextAsync(string kind)
    {
        using var limit = new CancellationTokenSource(PubSubBench.Patience);
        while (true)
        {
            if (await events.Reader.ReadAsync(limit.Token) is KindListed listed && listed.Kind == kind)
            {
                return listed;
            }
        }
    }
}
