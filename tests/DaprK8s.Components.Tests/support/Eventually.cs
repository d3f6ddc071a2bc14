using System.Diagnostics;

namespace DaprK8s.Components.Tests.Support;

/// <summary>Waits for what must come true, up to a deadline that a healthy run never meets.</summary>
public static class Eventually
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    /// <summary>Polls a condition until it holds.</summary>
    /// <param name="condition">The condition.</param>
    /// <param name="expectation">What was expected of whom, for the failure.</param>
    public static Task TrueAsync(Func<ValueTask<bool>> condition, string expectation) => TrueAsync(condition, () => expectation);

    /// <summary>Polls a condition until it holds.</summary>
    /// <param name="condition">The condition.</param>
    /// <param name="expectation">What was expected of whom, for the failure.</param>
    public static Task TrueAsync(Func<bool> condition, string expectation) => TrueAsync(() => ValueTask.FromResult(condition()), expectation);

    /// <summary>Polls a condition until it holds.</summary>
    /// <param name="condition">The condition.</param>
    /// <param name="expectation">What was expected of whom, and how things stand instead, for the failure.</param>
    /// <param name="deadline">For what takes long even in a healthy run; 30 s when absent.</param>
    public static async Task TrueAsync(Func<ValueTask<bool>> condition, Func<string> expectation, TimeSpan? deadline = null)
    {
        var patience = deadline ?? Deadline;
        var clock = Stopwatch.StartNew();
        while (!await condition())
        {
            if (clock.Elapsed >= patience)
            {
                Assert.Fail($"not within {patience.TotalSeconds:0} s: {expectation()}");
            }

            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }
}
