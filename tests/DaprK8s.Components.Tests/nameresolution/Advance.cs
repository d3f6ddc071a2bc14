using DaprK8s.Components.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Components.Tests.NameResolution;

/// <summary>Moves a clock that a test holds in its hand.</summary>
internal static class Advance
{
    /// <summary>Moves the clock step by step, letting what waits for it run, until a condition holds.</summary>
    public static Task UntilAsync(FakeTimeProvider time, TimeSpan step, Func<bool> condition, string expectation)
        => Eventually.TrueAsync(
            () =>
            {
                if (condition())
                {
                    return true;
                }

                time.Advance(step);
                return condition();
            },
            expectation);

    /// <summary>Moves the clock step by step until a task has ended.</summary>
    public static async Task<T> UntilDoneAsync<T>(FakeTimeProvider time, Task<T> task, string expectation)
    {
        await UntilAsync(time, TimeSpan.FromMilliseconds(50), () => task.IsCompleted, expectation);
        return await task;
    }
}
