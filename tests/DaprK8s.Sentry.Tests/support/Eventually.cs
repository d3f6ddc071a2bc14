using System.Diagnostics;

namespace DaprK8s.Sentry.Tests;

/// <summary>Waits for what must come true, up to a deadline that a healthy run never meets.</summary>
public static class Eventually
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    /// <summary>Polls a condition until it holds.</summary>
    /// <param name="condition">The condition.</param>
    /// <param name="expectation">What was expected of whom, for the failure.</param>
    public static async Task TrueAsync(Func<ValueTask<bool>> condition, string expectation)
    {
        var clock = Stopwatch.StartNew();
        while (!await condition())
        {
            Assert.True(clock.Elapsed < Deadline, $"not within {Deadline.TotalSeconds:0} s: {expectation}");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Waits for a task that was told to stop, however it ends.</summary>
    public static async Task EndedAsync(Task task) => await task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    /// <summary>Polls a condition until it holds.</summary>
    /// <param name="condition">The condition.</param>
    /// <param name="expectation">What was expected of whom, for the failure.</param>
    public static Task TrueAsync(Func<bool> condition, string expectation) => TrueAsync(() => ValueTask.FromResult(condition()), expectation);
}
