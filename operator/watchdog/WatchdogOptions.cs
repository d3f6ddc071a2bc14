using DaprK8s.Common.ControlPlane;
using DaprK8s.Common.Text;

namespace DaprK8s.Operator.Watchdog;

/// <summary>When the watchdog looks, and what it may do (contract: k8s 2.11).</summary>
internal sealed record WatchdogOptions
{
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(1);

    /// <summary>Whether it looks at all.</summary>
    public bool IsEnabled { get; init; }

    /// <summary>The time between two looks; <see langword="null"/> for one look only.</summary>
    public TimeSpan? Interval { get; init; }

    /// <summary>How many pods may be deleted in a minute; none or less for any number.</summary>
    public int MaxRestartsPerMinute { get; init; } = 20;

    /// <summary>Whether pods that have a sidecar are labelled, so that they are not looked at again.</summary>
    public bool CanPatchLabels { get; init; }

    /// <summary>Reads the flags.</summary>
    /// <exception cref="OptionException">The interval is none.</exception>
    public static WatchdogOptions Read(string interval, int maxRestarts, bool canPatch)
    {
        var options = new WatchdogOptions { MaxRestartsPerMinute = maxRestarts, CanPatchLabels = canPatch };
        switch (interval.ToLowerInvariant())
        {
            case "" or "0" or "false" or "f" or "no" or "off":
                return options;
            case "once":
                return options with { IsEnabled = true };
            case var text when !GoDuration.TryParse(text, out _):
                throw new OptionException($"invalid value for watch-interval: {GoQuote.Quote(interval)} is no duration such as 30s");
            case var text:
                GoDuration.TryParse(text, out var period);
                return period >= Shortest
                    ? options with { IsEnabled = true, Interval = period }
                    : throw new OptionException("invalid watch-interval value: if not '0' or 'once', must be at least 1s");
        }
    }
}
