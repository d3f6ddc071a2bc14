using System.Buffers;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Common.Hosting;

/// <summary>How log lines look and where they go (contract: operations 5.1).</summary>
/// <param name="AppId">The <c>app_id</c> field; empty for the control plane, which has none.</param>
/// <param name="MinimumLevel">The lowest level written.</param>
/// <param name="Json">One JSON object a line instead of logfmt.</param>
/// <param name="Version">The <c>ver</c> field.</param>
public sealed record LogSettings(string AppId, LogLevel MinimumLevel, bool Json, string Version)
{
    /// <summary>Parses <c>--log-level</c> (<c>debug</c>, <c>info</c>, <c>warn</c>, <c>error</c>, <c>fatal</c>, any case).</summary>
    public static bool TryParseLevel(string text, out LogLevel level)
    {
        level = text.ToLowerInvariant() switch
        {
            "debug" => LogLevel.Debug,
            "info" => LogLevel.Information,
            "warn" or "warning" => LogLevel.Warning,
            "error" => LogLevel.Error,
            "fatal" => LogLevel.Critical,
            _ => LogLevel.None,
        };
        return level != LogLevel.None;
    }
}

/// <summary>
/// Writes log lines in the shape that dashboards and collectors made for Dapr expect. A logger's category is the line's
/// <c>scope</c>. Extra fields of an event are taken from a state of type <see cref="LogFields"/>.
/// </summary>
public sealed class DaprLoggerProvider : ILoggerProvider
{
    private readonly LogSettings settings;
    private readonly Stream output;
    private readonly TimeProvider time;
    private readonly Lock gate = new();
    private readonly ArrayBufferWriter<byte> line = new(1024);
    private readonly string instance = Environment.MachineName;

    /// <summary>Writes to a stream, which it owns.</summary>
    public DaprLoggerProvider(LogSettings settings, Stream output, TimeProvider time)
    {
        this.settings = settings;
        this.output = output;
        this.time = time;
    }

    /// <summary>Opens standard output, or a file for appending (created with mode 0644).</summary>
    /// <exception cref="IOException">The file can't be opened.</exception>
    public static Stream OpenOutput(string logFile)
        => logFile.Length == 0 ? Console.OpenStandardOutput() : new FileStream(logFile, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);

    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) => new ScopeLogger(this, categoryName);

    /// <inheritdoc/>
    public void Dispose() => output.Dispose();

    private void Write(LogLevel level, string scope, string message, LogFields? fields, Exception? exception)
    {
        if (exception is not null)
        {
            message = $"{message}: {exception}";
        }

        var now = time.GetLocalNow();
        lock (gate)
        {
            line.ResetWrittenCount();
            var format = new LogLine(line, settings.Json);
            if (settings.Json)
            {
                WriteJson(ref format, level, scope, message, fields, now);
            }
            else
            {
                WriteText(ref format, level, scope, message, fields, now);
            }

            try
            {
                output.Write(line.WrittenSpan);
                output.Flush();
            }
            catch (IOException)
            {
                // A full disk or a closed pipe must not take the sidecar down; there is no other place to report it.
            }
        }
    }

    private void WriteText(ref LogLine format, LogLevel level, string scope, string message, LogFields? fields, DateTimeOffset now)
    {
        format.Field("time", Rfc3339(now), quoteAlways: true);
        format.Field("level", LevelName(level));
        format.Field("msg", message, quoteAlways: true);
        WriteRest(ref format, scope, fields, level: null, message: null, time: null);
        format.End();
    }

    private void WriteJson(ref LogLine format, LogLevel level, string scope, string message, LogFields? fields, DateTimeOffset now)
    {
        WriteRest(ref format, scope, fields, LevelName(level), message, Rfc3339(now));
        format.End();
    }

    // Keys stand in alphabetical order, the event's own fields among them.
    private void WriteRest(ref LogLine format, string scope, LogFields? fields, string? level, string? message, string? time)
    {
        var own = 0;
        Before("app_id", ref format);
        if (settings.AppId.Length > 0)
        {
            format.Field("app_id", settings.AppId);
        }

        Put("instance", instance, ref format);
        Put("level", level, ref format);
        Put("msg", message, ref format);
        Put("scope", scope, ref format);
        Put("time", time, ref format);
        Put("type", "log", ref format);
        Put("ver", settings.Version, ref format);
        Before("\uffff", ref format);

        void Put(string key, string? value, ref LogLine to)
        {
            Before(key, ref to);
            if (value is not null)
            {
                to.Field(key, value);
            }
        }

        void Before(string key, ref LogLine to)
        {
            while (fields is not null && own < fields.Items.Length && string.CompareOrdinal(fields.Items[own].Key, key) < 0)
            {
                var (name, value) = fields.Items[own++];
                if (value is long number)
                {
                    to.Number(name, number);
                }
                else
                {
                    to.Field(name, value.ToString() ?? "");
                }
            }
        }
    }

    private static string Rfc3339(DateTimeOffset now)
        => now.ToString(now.Offset == TimeSpan.Zero ? "yyyy-MM-dd'T'HH:mm:ss.fffffff'00Z'" : "yyyy-MM-dd'T'HH:mm:ss.fffffff'00'zzz", CultureInfo.InvariantCulture);

    private static string LevelName(LogLevel level)
        => level switch
        {
            LogLevel.Trace or LogLevel.Debug => "debug",
            LogLevel.Information => "info",
            LogLevel.Warning => "warning",
            LogLevel.Error => "error",
            _ => "fatal",
        };

    private sealed class ScopeLogger(DaprLoggerProvider owner, string scope) : ILogger
    {
        // The web server's own chatter is of no use to an operator below a warning.
        private readonly LogLevel minimum = scope.StartsWith("Microsoft.", StringComparison.Ordinal) || scope.StartsWith("Grpc.", StringComparison.Ordinal)
            ? (LogLevel)Math.Max((int)owner.settings.MinimumLevel, (int)LogLevel.Warning)
            : owner.settings.MinimumLevel;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= minimum && logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var fields = state as LogFields;
            // API logs are written whatever the level is (contract: operations 5.3).
            if (fields is { IgnoresLevel: true } || IsEnabled(logLevel))
            {
                owner.Write(logLevel, scope, fields?.Message ?? formatter(state, exception), fields, exception);
            }
        }
    }
}
