using DaprK8s.Components;
using DaprK8s.Components.Metadata;
using DaprK8s.Sidecar.Runtime;
using static DaprK8s.Sidecar.Tests.Reload.LoaderBench;

namespace DaprK8s.Sidecar.Tests.Reload;

/// <summary>Components that come, change and go while calls are made.</summary>
public sealed class ComponentReloadTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_update_takes_over_when_it_is_ready_and_the_old_instance_is_closed_after_its_calls()
    {
        await using var bench = await StartAsync(Store("a", "old"));
        var old = bench.Find("a")!;
        var call = await old.UseAsync<ISecretStore>(Stop);
        var ready = new TaskCompletionSource();
        bench.Providers.OnInit = (_, _) => ready.Task;

        bench.Loader.Apply([Store("a", "new")]);
        await bench.UntilAsync(() => bench.Providers.Made.Count == 2, "the second instance to start");
        Assert.Equal(("old", ComponentStatus.Ready), (bench.NoteOf("a"), old.Status));

        ready.SetResult();
        await bench.ServesAsync("a", "new");
        var first = bench.Providers.Made.First();
        Assert.False(first.IsDisposed);
        Assert.NotSame(old, bench.Find("a"));

        call.Dispose();
        await bench.UntilAsync(() => first.IsDisposed, "the old instance to be closed");
    }

    [Fact]
    public async Task A_call_that_found_the_old_version_is_served_by_the_new_one()
    {
        await using var bench = await StartAsync(Store("a", "old"));
        var old = bench.Find("a")!;
        bench.Loader.Apply([Store("a", "new")]);
        await bench.ServesAsync("a", "new");

        using var use = await old.UseAsync<ISecretStore>(Stop);

        Assert.Same(bench.Find("a")!.Instance, use.Instance);
        Assert.Same(bench.Find("a"), use.Component);
    }

    [Fact]
    public async Task An_update_that_fails_leaves_the_old_instance_in_use_and_is_tried_again()
    {
        await using var bench = await StartAsync(Store("a", "old"));
        var isUp = false;
        bench.Providers.OnInit = (context, _) => isUp ? Task.CompletedTask : throw new IOException("connection refused");

        bench.Loader.Apply([Store("a", "new", generation: 2)]);
        await AdvanceUntilAsync(bench, () => bench.StateOf("a") == ResourceState.Degraded);

        var status = bench.Statuses.All[("Component", "a")];
        Assert.Equal((StatusReasons.InitFailed, "connection refused", 2L, false), (Reason(status.Reason), status.Message, status.Generation, status.HoldsBack));
        Assert.Equal("old", bench.NoteOf("a"));
        Assert.Empty(bench.Readiness.Pending);
        Assert.Null(bench.Fatal);

        isUp = true;
        await AdvanceUntilAsync(bench, () => bench.NoteOf("a") == "new");
        await bench.ServesAsync("a", "new");

        // A time-out and a refusal are both failures of the initialisation.
        static string Reason(string reason) => reason == StatusReasons.InitTimeout ? StatusReasons.InitFailed : reason;
    }

    [Fact]
    public async Task Taking_a_failed_update_back_restarts_nothing()
    {
        await using var bench = await StartAsync(Store("a", "old"));
        bench.Loader.Apply([Store("a", "x", type: "state.nosuch")]);
        await bench.UntilAsync(() => bench.StateOf("a") == ResourceState.Degraded, "the update to fail");
        Assert.True(bench.Log.Has("the version before stays in use"));

        bench.Loader.Apply([Store("a", "old")]);

        await bench.ServesAsync("a", "old");
        Assert.Single(bench.Providers.Made);
    }

    [Fact]
    public async Task The_same_again_restarts_nothing()
    {
        await using var bench = await StartAsync(Store("a", "one"), Store("b", "two"));
        bench.Loader.Apply([Store("b", "two", generation: 9), Store("a", "one")]);
        bench.Loader.Apply([Store("b", "two"), Store("a", "changed")]);
        await bench.ServesAsync("a", "changed");
        Assert.Equal(3, bench.Providers.Made.Count);
    }

    [Fact]
    public async Task A_removed_component_is_not_found_and_is_closed_after_its_calls()
    {
        await using var bench = await StartAsync(Store("a"), Store("b"));
        var removed = bench.Find("a")!;
        var call = await removed.UseAsync<ISecretStore>(Stop);

        bench.Loader.Apply([Store("b")]);
        await bench.UntilAsync(() => bench.Find("a") is null && bench.StateOf("a") is null, "a to be gone");

        await Assert.ThrowsAsync<ComponentNotReadyException>(async () => await removed.UseAsync<ISecretStore>(Stop));
        Assert.False(((ScriptedComponent)call.Instance).IsDisposed);
        call.Dispose();
        await bench.UntilAsync(() => ((ScriptedComponent)call.Instance).IsDisposed, "it to be closed");
    }

    [Fact]
    public async Task A_component_that_goes_and_comes_at_once_is_there()
    {
        await using var bench = await StartAsync(Store("a", "old"));
        for (var i = 0; i < 50; i++)
        {
            bench.Loader.Apply([]);
            bench.Loader.Apply([Store("a", $"new {i}")]);
        }

        await bench.ServesAsync("a", "new 49");
        await bench.UntilAsync(() => bench.Providers.Made.Count(m => m is { IsInitialised: true, IsDisposed: false }) == 1, "all others to be closed");
    }

    [Fact]
    public async Task A_change_of_type_moves_the_name_to_the_other_building_block()
    {
        await using var bench = await StartAsync(Store("a"));
        bench.Loader.Apply([Store("a", type: "secretstores.scripted")]);
        await bench.UntilAsync(() => bench.Registry.Find(ComponentKind.SecretStore, "a") is not null, "the secret store");
        Assert.Null(bench.Registry.Find(ComponentKind.State, "a"));
    }

    [Fact]
    public async Task A_generation_older_than_the_one_applied_is_ignored()
    {
        await using var bench = await StartAsync(Store("a", "five", generation: 5));
        bench.Loader.Apply([Store("a", "four", generation: 4)]);
        bench.Loader.Apply([Store("a", "six", generation: 6)]);
        await bench.ServesAsync("a", "six");
        Assert.True(bench.Log.Has("generation 4 came after generation 5 and is ignored"));
        Assert.DoesNotContain(bench.Providers.Made, m => m.Metadata?.Items["note"] == "four");
    }

    [Fact]
    public async Task The_newest_version_is_not_kept_waiting_by_one_that_hangs()
    {
        await using var bench = await StartAsync(Store("a", "old"));
        bench.Providers.OnInit = (context, ct) => context.Metadata.Items["note"] == "hangs" ? Task.Delay(Timeout.Infinite, ct) : Task.CompletedTask;
        bench.Loader.Apply([Store("a", "hangs")]);
        await bench.UntilAsync(() => bench.Providers.Made.Count == 2, "the version that hangs");

        bench.Loader.Apply([Store("a", "new")]);

        await bench.ServesAsync("a", "new");
        await bench.UntilAsync(() => bench.Providers.Made.ElementAt(1).IsDisposed, "what hung to be closed");
    }

    [Fact]
    public async Task A_new_component_that_fails_ends_a_self_hosted_sidecar_unless_errors_are_ignored()
    {
        await using var bench = await StartAsync();
        bench.Loader.Apply([Store("calm", type: "state.nosuch", ignoreErrors: true)]);
        await bench.UntilAsync(() => bench.StateOf("calm") == ResourceState.Failed, "the failure");
        Assert.Null(bench.Fatal);

        bench.Loader.Apply([Store("calm", type: "state.nosuch", ignoreErrors: true), Store("a", type: "state.nosuch")]);
        await bench.UntilAsync(() => bench.Fatal is not null, "the end");
        Assert.StartsWith("process component a error: [INIT_COMPONENT_FAILURE]: ", bench.Fatal, StringComparison.Ordinal);
    }

    [Fact]
    public async Task In_Kubernetes_a_failed_component_holds_readiness_back_until_it_is_put_right()
    {
        await using var bench = new LoaderBench(isKubernetes: true, Store("a", type: "nonsense"), Store("calm", type: "state.nosuch", ignoreErrors: true), Store("b"));
        await bench.Loader.StartAsync();
        bench.Readiness.SetOutbound(true);

        Assert.Null(bench.Fatal);
        Assert.Equal(["component:a"], bench.Readiness.Pending);
        Assert.Equal((false, ": failed components: a"), (bench.Readiness.IsOutboundReady, bench.Readiness.OutboundProblem));
        Assert.Equal((ResourceState.Failed, "incorrect type nonsense"), (bench.Statuses.All[("Component", "a")].State, bench.Statuses.All[("Component", "a")].Message));
        Assert.Equal(ResourceState.Ready, bench.StateOf("b"));

        bench.Loader.Apply([Store("a", "right"), Store("calm", type: "state.nosuch", ignoreErrors: true), Store("b")]);
        await bench.ServesAsync("a", "right");
        Assert.Empty(bench.Readiness.Pending);
        Assert.True(bench.Readiness.IsOutboundReady);
    }

    [Fact]
    public async Task In_Kubernetes_a_server_that_comes_up_late_is_found_without_a_change()
    {
        await using var bench = new LoaderBench(isKubernetes: true, Store("a", "late"));
        var isUp = false;
        bench.Providers.OnInit = (_, _) => isUp ? Task.CompletedTask : throw new IOException("connection refused");
        var starting = bench.Loader.StartAsync();
        await AdvanceUntilAsync(bench, () => bench.StateOf("a") == ResourceState.Failed);
        await starting;

        isUp = true;
        await AdvanceUntilAsync(bench, () => bench.StateOf("a") == ResourceState.Ready);
        Assert.Empty(bench.Readiness.Pending);
    }

    [Fact]
    public async Task A_rotated_secret_reaches_the_components_that_refer_to_it_and_no_others()
    {
        await using var bench = new LoaderBench(first: [Store("vault", type: "secretstores.scripted"), WithSecret("a", "one"), WithSecret("b", "two")]);
        (bench.Providers.Secrets["one"], bench.Providers.Secrets["two"]) = ("1", "2");
        await bench.Loader.StartAsync();
        var untouched = bench.Find("b");

        bench.Providers.Secrets["one"] = "rotated";
        bench.Loader.LookAtSecrets();

        await bench.ServesAsync("a", "rotated");
        Assert.Same(untouched, bench.Find("b"));
        Assert.DoesNotContain(bench.Log.Lines, l => l.Text.Contains("rotated", StringComparison.Ordinal));
    }

    [Fact]
    public async Task New_credentials_that_fail_leave_the_old_instance_in_use()
    {
        await using var bench = new LoaderBench(first: [Store("vault", type: "secretstores.scripted"), WithSecret("a", "one")]);
        bench.Providers.Secrets["one"] = "good";
        await bench.Loader.StartAsync();
        bench.Providers.OnInit = (context, _) => context.Metadata.Items.GetValueOrDefault("note") == "bad"
            ? throw new ComponentMetadataException("note", "is not what the server takes") : Task.CompletedTask;

        bench.Providers.Secrets["one"] = "bad";
        bench.Loader.LookAtSecrets();
        await bench.UntilAsync(() => bench.StateOf("a") == ResourceState.Degraded, "the new credentials to fail");
        Assert.Equal("good", bench.NoteOf("a"));

        bench.Providers.Secrets["one"] = "better";
        bench.Loader.LookAtSecrets();
        await bench.ServesAsync("a", "better");
    }

    [Fact]
    public async Task A_changed_secret_store_is_asked_again_for_the_components_that_refer_to_it()
    {
        await using var bench = new LoaderBench(first: [WithSecret("a", "one"), Store("vault", type: "secretstores.scripted")]);
        bench.Providers.Secrets["one"] = "1";
        await bench.Loader.StartAsync();
        bench.Providers.Secrets["one"] = "2";

        bench.Loader.Apply([WithSecret("a", "one"), Store("vault", "changed", type: "secretstores.scripted")]);

        await bench.ServesAsync("a", "2");
    }

    [Fact]
    public async Task A_component_waits_for_a_secret_store_that_comes_later_and_outlives_its_removal()
    {
        await using var bench = await StartAsync(WithSecret("a", "one"));
        Assert.Equal((ResourceState.Failed, false), (bench.StateOf("a")!.Value, bench.Statuses.All[("Component", "a")].HoldsBack));
        bench.Providers.Secrets["one"] = "1";

        bench.Loader.Apply([WithSecret("a", "one"), Store("vault", type: "secretstores.scripted")]);
        await bench.ServesAsync("a", "1");

        bench.Loader.Apply([WithSecret("a", "one")]);
        await bench.UntilAsync(() => bench.Find("vault") is null, "the store to be gone");
        bench.Loader.LookAtSecrets();
        using var use = await bench.Find("a")!.UseAsync<ISecretStore>(Stop);
        Assert.False(((ScriptedComponent)use.Instance).IsDisposed);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(20260504)]
    public async Task No_call_is_lost_among_thousands_of_random_changes(int seed)
    {
        var random = new Random(seed);
        string[] names = ["a", "b", "c", "d"];
        await using var bench = await StartAsync([.. names.Select(n => Store(n, "0"))]);
        bench.Providers.OnInit = async (context, ct) =>
        {
            await Task.Yield();
            if (context.Metadata.Items["note"].EndsWith('7'))
            {
                throw new ComponentMetadataException("note", "is not what the server takes");
            }
        };
        using var ended = new CancellationTokenSource();
        var calls = 0L;
        var callers = Enumerable.Range(0, 4).Select(i => Task.Run(async () =>
        {
            while (!ended.IsCancellationRequested)
            {
                using var use = await bench.Find(names[i])!.UseAsync<ISecretStore>(Stop);
                await Task.Yield();
                Assert.False(((ScriptedComponent)use.Instance).IsDisposed, "an instance was closed under a call");
                Interlocked.Increment(ref calls);
            }
        })).ToArray();

        for (var edit = 1; edit <= 3000; edit++)
        {
            bench.Loader.Apply([.. names.Select(n => Store(n, $"{(random.Next(3) == 0 ? edit : edit - 1)}"))]);
            if (random.Next(10) == 0)
            {
                await Task.Yield();
            }
        }

        bench.Loader.Apply([.. names.Select(n => Store(n, "last"))]);
        foreach (var name in names)
        {
            await bench.ServesAsync(name, "last");
        }

        await ended.CancelAsync();
        await Task.WhenAll(callers);
        Assert.True(calls > 0);
        await bench.UntilAsync(() => bench.Providers.Made.Count(m => !m.IsDisposed) == names.Length, "all replaced instances to be closed");
    }

    private static async Task AdvanceUntilAsync(LoaderBench bench, Func<bool> condition)
    {
        var started = System.Diagnostics.Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(started.Elapsed < PubSub.PubSubBench.Patience, "the clock moved in vain");
            bench.Time.Advance(TimeSpan.FromMilliseconds(200));
            await Task.Delay(1, Stop);
        }
    }
}
