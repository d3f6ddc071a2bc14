using System.Collections.Concurrent;
using DaprK8s.Common.Kubernetes;
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
