using Microsoft.Extensions.Logging;

namespace DaprK8s.Common.Hosting;

/// <summary>A log event with fields of its own beside the message. Items must be in ordinal order of their keys; numbers are <see cref="long"/>.</summary>
/// <param name="Message">The message.</param>
/// <param name="Items">The fields.</param>
/// <param name="IgnoresLevel">Written even below the minimum level.</param>
public sealed record LogFields(string Message, KeyValuePair<string, object>[] Items, bool IgnoresLevel = false)
{
    /// <summary>Writes the event.</summary>
    public void WriteTo(ILogger logger, LogLevel level) => logger.Log(level, default, this, null, static (s, _) => s.Message);
}
