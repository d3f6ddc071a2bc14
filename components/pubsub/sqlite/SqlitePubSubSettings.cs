using DaprK8s.Components.Metadata;

namespace DaprK8s.Components.PubSub.Sqlite;

/// <summary>The settings of the embedded broker.</summary>
internal sealed record SqlitePubSubSettings
{
    private static readonly MetadataField<string> ConnectionString = Field.Text(
        "connectionString", "Path or file: URI of the broker's file, which all apps on the machine share.", required: true, aliases: "url");

    private static readonly MetadataField<string> ConsumerIdField = Field.Text(
        "consumerID", "The group in which subscribers share messages; the app id when absent.");

    private static readonly MetadataField<TimeSpan> BusyTimeoutField = Field.Duration(
        "busyTimeout", "How long to wait for another process that writes.", TimeSpan.FromSeconds(2));

    private static readonly MetadataField<TimeSpan> PollIntervalField = Field.Duration(
        "pollInterval",
        "How often to look for messages of other processes when the file system does not tell.",
        TimeSpan.FromMilliseconds(250));

    private static readonly MetadataField<TimeSpan> VisibilityTimeoutField = Field.Duration(
        "visibilityTimeout", "When the message of a process that crashed goes to another one.", TimeSpan.FromSeconds(60));

    private static readonly MetadataField<TimeSpan> RedeliverIntervalField = Field.Duration(
        "redeliverInterval",
        "The wait before a failed message is delivered again; doubles with each failure.",
        TimeSpan.FromMilliseconds(500));

    private static readonly MetadataField<TimeSpan> MaxRedeliverIntervalField = Field.Duration(
        "maxRedeliverInterval", "The longest wait before a failed message is delivered again.", TimeSpan.FromMinutes(1));

    private static readonly MetadataField<TimeSpan> RetentionField = Field.Duration(
        "retention",
        "How long messages wait for a consumer that is away, and how long an absent consumer is remembered.",
        TimeSpan.FromDays(7));

    private static readonly MetadataField<string> ConcurrencyModeField = Field.Text(
        "concurrencyMode", "parallel, or single: one message of a subscription at a time.", "parallel");

    private static readonly MetadataField<long> MaxConcurrentHandlersField = Field.Number(
        "maxConcurrentHandlers", "The most messages of a subscription that are handled at the same time.", 32, 1, 10_000);

    /// <summary>Every field.</summary>
    public static IReadOnlyList<MetadataField> Fields { get; } =
    [
        ConnectionString, ConsumerIdField, BusyTimeoutField, PollIntervalField, VisibilityTimeoutField, RedeliverIntervalField,
        MaxRedeliverIntervalField, RetentionField, ConcurrencyModeField, MaxConcurrentHandlersField,
    ];

    /// <summary>Where SQLite finds the file: a path, or a URI with options.</summary>
    public required string DataSource { get; init; }

    /// <summary>The file's path.</summary>
    public required string Path { get; init; }

    public required string ConsumerId { get; init; }

    public required TimeSpan BusyTimeout { get; init; }

    public required TimeSpan PollInterval { get; init; }

    public required TimeSpan VisibilityTimeout { get; init; }

    public required TimeSpan RedeliverInterval { get; init; }

    public required TimeSpan MaxRedeliverInterval { get; init; }

    public required TimeSpan Retention { get; init; }

    public required int Concurrency { get; init; }

    /// <summary>Reads the component's metadata.</summary>
    /// <exception cref="ComponentMetadataException">A field is wrong.</exception>
    public static SqlitePubSubSettings Read(ComponentMetadata metadata)
    {
        var dataSource = metadata.Get(ConnectionString).Trim();
        if (dataSource.Length == 0)
        {
            throw new ComponentMetadataException(ConnectionString.Name, "missing connection string");
        }

        return new SqlitePubSubSettings
        {
            DataSource = dataSource,
            Path = ReadPath(dataSource),
            ConsumerId = metadata.Get(ConsumerIdField),
            BusyTimeout = metadata.Get(BusyTimeoutField),
            PollInterval = Positive(metadata, PollIntervalField, TimeSpan.FromMilliseconds(1)),
            VisibilityTimeout = Positive(metadata, VisibilityTimeoutField, TimeSpan.FromMilliseconds(100)),
            RedeliverInterval = Positive(metadata, RedeliverIntervalField, TimeSpan.FromMilliseconds(1)),
            MaxRedeliverInterval = Positive(metadata, MaxRedeliverIntervalField, TimeSpan.FromMilliseconds(1)),
            Retention = Positive(metadata, RetentionField, TimeSpan.FromMinutes(1)),
            Concurrency = ReadConcurrency(metadata),
        };
    }

    /// <summary>The wait before a delivery that comes after so many failed ones.</summary>
    public TimeSpan BackOff(int failures)
    {
        var wait = RedeliverInterval * Math.Pow(2, Math.Min(failures - 1, 30));
        return wait < MaxRedeliverInterval ? wait : MaxRedeliverInterval;
    }

    private static string ReadPath(string dataSource)
    {
        var path = dataSource;
        if (dataSource.StartsWith("file:", StringComparison.OrdinalIgnoreCase))
        {
            var uri = dataSource["file:".Length..];
            var (name, options) = uri.Split('?', 2) is [var n, var o] ? (n, o) : (uri, "");
            path = Uri.UnescapeDataString(name.StartsWith("///", StringComparison.Ordinal) ? name[2..] : name);
            if (options.Contains("mode=memory", StringComparison.OrdinalIgnoreCase))
            {
                path = ":memory:";
            }
        }

        return path.Contains(":memory:", StringComparison.OrdinalIgnoreCase)
            ? throw new ComponentMetadataException(
                ConnectionString.Name, "a database in memory is not shared by processes; use pubsub.in-memory")
            : System.IO.Path.GetFullPath(path);
    }

    private static int ReadConcurrency(ComponentMetadata metadata)
        => metadata.Get(ConcurrencyModeField) switch
        {
            var mode when mode.Equals("single", StringComparison.OrdinalIgnoreCase) => 1,
            var mode when mode.Length == 0 || mode.Equals("parallel", StringComparison.OrdinalIgnoreCase)
                => (int)metadata.Get(MaxConcurrentHandlersField),
            var mode => throw new ComponentMetadataException(ConcurrencyModeField.Name, $"invalid concurrencyMode {mode}"),
        };

    private static TimeSpan Positive(ComponentMetadata metadata, MetadataField<TimeSpan> field, TimeSpan least)
        => metadata.Get(field) is var value && value >= least
            ? value
            : throw new ComponentMetadataException(field.Name, $"must be at least {Common.Text.GoDuration.Format(least)}");
}
