using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Components.Tests.Support;

/// <summary>A clock that goes like the real one or faster, can be stopped, and put forward.</summary>
public sealed class TestClock : TimeProvider, IAsyncDisposable
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(5);

    private readonly FakeTimeProvider fake = new(DateTimeOffset.UtcNow);
    private readonly Lock gate = new();
    private readonly CancellationTokenSource stop = new();
    private readonly Task going;

    /// <summary>Starts at the real time.</summary>
    public TestClock() => going = Task.Run(GoAsync);

    /// <summary>How fast it goes: 1 like the real one, 0 when it stands still.</summary>
    public double Speed { get; set; } = 1;

    /// <inheritdoc/>
    public override TimeZoneInfo LocalTimeZone => fake.LocalTimeZone;

    /// <inheritdoc/>
    public override long TimestampFrequency => fake.TimestampFrequency;

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => fake.GetUtcNow();

    /// <inheritdoc/>
    public override long GetTimestamp() => fake.GetTimestamp();

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => fake.CreateTimer(callback, state, dueTime, period);

    /// <summary>Lets time pass at once; what falls due in it happens.</summary>
    public void Forward(TimeSpan by)
    {
        lock (gate)
        {
            fake.Advance(by);
        }
    }

    /// <summary>Lets time pass step by step until a condition holds.</summary>
    public Task ForwardUntilAsync(TimeSpan step, Func<ValueTask<bool>> condition, string expectation)
        => Eventually.TrueAsync(
            async () =>
            {
                if (await condition())
                {
                    return true;
                }

                Forward(step);
                return false;
            },
            expectation);

    /// <summary>Lets time pass step by step until a condition holds.</summary>
    public Task ForwardUntilAsync(TimeSpan step, Func<bool> condition, string expectation)
        => ForwardUntilAsync(step, () => ValueTask.FromResult(condition()), expectation);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await going;
        stop.Dispose();
    }

    private async Task GoAsync()
    {
        var last = System.GetTimestamp();
        while (!stop.IsCancellationRequested)
        {
            await Task.Delay(Step, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var now = System.GetTimestamp();
            var passed = System.GetElapsedTime(last, now) * Speed;
            last = now;
            if (passed > TimeSpan.Zero)
            {
                Forward(passed);
            }
        }
    }
}
