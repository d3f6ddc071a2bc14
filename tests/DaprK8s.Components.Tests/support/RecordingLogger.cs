using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.Tests.Support;

/// <summary>A logger whose lines a test can read.</summary>
public sealed class RecordingLogger : ILogger
{
    private readonly ConcurrentQueue<(LogLevel Level, string Text)> lines = new();

    /// <summary>What was logged so far.</summary>
    public IReadOnlyCollection<(LogLevel Level, string Text)> Lines => lines;

    /// <inheritdoc/>
    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        => lines.Enqueue((logLevel, formatter(state, exception) + (exception is null ? "" : " " + exception)));

    /// <inheritdoc/>
    public bool IsEnabled(LogLevel logLevel) => true;

    /// <inheritdoc/>
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;
}
