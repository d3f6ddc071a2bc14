using System.Collections.Concurrent;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Kubernetes.Tests.Support;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Kubernetes.Tests.Client;

public sealed class WorkQueueTests : IAsyncLifetime
{
    private readonly CancellationTokenSource stop = new();
    private readonly FakeTimeProvider time = new();
    private readonly RecordingLogger log = new();
    private Task running = Task.CompletedTask;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await running;
        stop.Dispose();
    }

    [Fact]
    public async Task A_key_that_waits_is_worked_on_once()
    {
        var done = new ConcurrentQueue<string>();
        var queue = Start((key, _) =>
        {
            done.Enqueue(key);
            return Task.CompletedTask;
        }, 4, run: false);
        queue.Add("a");
        queue.Add("a");
        queue.Add("b");
        running = queue.RunAsync(stop.Token);

        await Eventually.TrueAsync(() => queue.Count == 0, "the work is done");
        Assert.Equal(["a", "b"], done.Order());
    }

    [Fact]
    public async Task A_key_at_work_is_not_begun_a_second_time_but_done_again_afterwards()
    {
        var gate = new TaskCompletionSource();
        var (at, most, count) = (0, 0, 0);
        var queue = Start(async (_, _) =>
        {
            most = Math.Max(most, Interlocked.Increment(ref at));
            Interlocked.Increment(ref count);
            await gate.Task;
            Interlocked.Decrement(ref at);
        }, 4);
        queue.Add("a");
        await Eventually.TrueAsync(() => count == 1, "it is at work");
        queue.Add("a");
        queue.Add("a");
        gate.SetResult();

        await Eventually.TrueAsync(() => queue.Count == 0 && count == 2, "it was done again, once");
        Assert.Equal(1, most);
    }

    [Fact]
    public async Task No_more_than_the_allowed_number_is_worked_on_at_a_time()
    {
        var gate = new TaskCompletionSource();
        var (at, most) = (0, 0);
        var queue = Start(async (_, _) =>
        {
            var now = Interlocked.Increment(ref at);
            lock (gate)
            {
                most = Math.Max(most, now);
            }

            await gate.Task;
            Interlocked.Decrement(ref at);
        }, 3);
        for (var i = 0; i < 10; i++)
        {
            queue.Add($"{i}");
        }

        await Eventually.TrueAsync(() => at == 3, "three are at work");
        gate.SetResult();
        await Eventually.TrueAsync(() => queue.Count == 0, "all are done");
        Assert.Equal(3, most);
    }

    [Fact]
    public async Task A_key_that_fails_comes_back_after_pauses_that_grow_and_holds_up_no_other()
    {
        var tries = 0;
        var others = 0;
        var queue = Start((key, _) =>
        {
            if (key == "good")
            {
                others++;
                return Task.CompletedTask;
            }

            tries++;
            return tries < 4 ? throw new InvalidOperationException("of the test") : Task.CompletedTask;
        }, 1);
        queue.Add("bad");
        queue.Add("good");
        await Eventually.TrueAsync(() => tries == 1 && others == 1, "both were tried");

        List<double> waited = [];
        for (var n = 2; n <= 4; n++)
        {
            var began = time.GetUtcNow();
            await Eventually.TrueAsync(() =>
            {
                if (tries < n && queue.Count == 0)
                {
                    time.Advance(TimeSpan.FromMilliseconds(20));
                }

                return tries == n;
            }, $"try {n}");
            waited.Add((time.GetUtcNow() - began).TotalMilliseconds);
        }

        Assert.True(waited[0] < waited[1] && waited[1] < waited[2], $"pauses: {string.Join(", ", waited)}");
        Assert.Equal(3, log.Lines.Count(l => l.Text.Contains("of the test", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_failure_that_lasts_is_told_once_and_another_one_again()
    {
        var tries = 0;
        var queue = Start((_, _) => ++tries switch
        {
            <= 3 => throw new InvalidOperationException("the first"),
            <= 6 => throw new InvalidOperationException("the second"),
            _ => Task.CompletedTask,
        }, 1);
        queue.Add("a");
        await PassUntilAsync(queue, () => tries == 7 && queue.Count == 0);

        Assert.Single(Warned, l => l.Contains("the first", StringComparison.Ordinal));
        Assert.Single(Warned, l => l.Contains("the second", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_missing_right_is_told_once_for_all_keys_until_they_work_again()
    {
        await using var cluster = await Cluster.StartAsync();
        cluster.Server.Access.Deny("create", "services");
        var refused = await Assert.ThrowsAsync<KubernetesException>(() => cluster.Client.CreateAsync(ApiResources.Services, "default", [], TestContext.Current.CancellationToken));
        var isRefused = true;
        var tries = 0;
        var queue = Start((_, _) =>
        {
            tries++;
            return isRefused ? throw refused : Task.CompletedTask;
        }, 1);
        foreach (var key in (string[])["a", "b", "c"])
        {
            queue.Add(key);
        }

        await PassUntilAsync(queue, () => tries >= 9);
        Assert.Single(Warned);
        isRefused = false;
        await PassUntilAsync(queue, () => log.Lines.Count(l => l.Text.Contains("went well", StringComparison.Ordinal)) == 3);
        isRefused = true;
        queue.Add("a");
        await PassUntilAsync(queue, () => Warned.Count() == 2);
    }

    private IEnumerable<string> Warned => log.Lines.Where(l => l.Level >= LogLevel.Warning).Select(l => l.Text);

    private Task PassUntilAsync(WorkQueue<string> queue, Func<bool> condition) => Eventually.TrueAsync(
        () =>
        {
            if (condition())
            {
                return true;
            }

            if (queue.Count == 0)
            {
                time.Advance(TimeSpan.FromSeconds(10));
            }

            return false;
        },
        "it comes to that");

    private WorkQueue<string> Start(Func<string, CancellationToken, Task> work, int parallelism, bool run = true)
    {
        var queue = new WorkQueue<string>("test", work, parallelism, log, time);
        if (run)
        {
            running = queue.RunAsync(stop.Token);
        }

        return queue;
    }
}
