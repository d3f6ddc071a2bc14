using DaprK8s.Components.Metadata;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.State.Sqlite;

/// <summary>How SQLite keeps what it needs to undo or replay a transaction.</summary>
internal enum SqliteJournal
{
    /// <summary>A write-ahead log: readers and a writer do not block each other.</summary>
    Wal,

    /// <summary>A rollback journal beside the file, deleted after each transaction.</summary>
    Delete,

    /// <summary>A rollback journal in memory.</summary>
    Memory,
}

/// <summary>The connection settings of a SQLite database (contract: components 2.17).</summary>
internal sealed class SqliteSettings
{
    private const string FilePrefix = "file:";
    private const string MemoryPath = ":memory:";
    private static readonly TimeSpan ShortestTimeout = TimeSpan.FromSeconds(1);
    private static readonly string[] ForbiddenPragmas = ["busy_timeout", "journal_mode", "foreign_keys"];

    /// <summary>Where the database is.</summary>
    public static readonly MetadataField<string> ConnectionString = Field.Text(
        "connectionString", "Path of the database file, or a \"file:\" URI of SQLite; \":memory:\" for one that is lost at exit.",
        required: true, sensitive: true, aliases: "url");

    private static readonly MetadataField<TimeSpan> TimeoutField = Field.Duration(
        "timeout", "The longest that an operation may take.", TimeSpan.FromSeconds(20), "timeoutInSeconds");

    private static readonly MetadataField<TimeSpan> BusyTimeoutField = Field.Duration(
        "busyTimeout", "How long to wait for another process that holds the database.", TimeSpan.FromSeconds(2));

    /// <summary>Whether to do without a write-ahead log.</summary>
    public static readonly MetadataField<bool> DisableWal = Field.Bool(
        "disableWAL", "Keep a rollback journal instead of a write-ahead log; needed on network file systems.");

    private SqliteSettings()
    {
    }

    /// <summary>The fields that every component over SQLite has.</summary>
    public static IReadOnlyList<MetadataField> Fields { get; } = [ConnectionString, TimeoutField, BusyTimeoutField, DisableWal];

    /// <summary>What SQLite opens.</summary>
    public required string Uri { get; init; }

    /// <summary>Statements run on each new connection, without <c>PRAGMA</c>.</summary>
    public required IReadOnlyList<string> Pragmas { get; init; }

    /// <summary>The journal.</summary>
    public required SqliteJournal Journal { get; init; }

    /// <summary>The database is in memory, so that it lives as long as its connection.</summary>
    public required bool InMemory { get; init; }

    /// <summary>Nothing may be written, not even the journal mode.</summary>
    public required bool ReadOnly { get; init; }

    /// <summary>The longest that an operation may take.</summary>
    public required TimeSpan Timeout { get; init; }

    /// <summary>How long to wait for a lock of another process; zero for not at all.</summary>
    public required TimeSpan BusyTimeout { get; init; }

    /// <summary>Whether connections can read while another writes.</summary>
    public bool ReadsBesideWrites => ReadOnly || (Journal == SqliteJournal.Wal && !InMemory);

    /// <summary>Reads and checks the settings.</summary>
    /// <exception cref="ComponentMetadataException">A setting is missing or wrong.</exception>
    public static SqliteSettings Read(ComponentContext context) => Read(context, TimeoutField, BusyTimeoutField);

    /// <summary>Reads and checks the settings of a component whose times have other defaults.</summary>
    /// <param name="context">The component's context.</param>
    /// <param name="timeoutField">The field of the longest operation.</param>
    /// <param name="busyTimeoutField">The field of the longest wait for a lock.</param>
    /// <exception cref="ComponentMetadataException">A setting is missing or wrong.</exception>
    public static SqliteSettings Read(
        ComponentContext context, MetadataField<TimeSpan> timeoutField, MetadataField<TimeSpan> busyTimeoutField)
    {
        var text = context.Metadata.Get(ConnectionString);
        if (text.Length == 0)
        {
            throw new ComponentMetadataException(ConnectionString.Name, "missing connection string");
        }

        var timeout = context.Metadata.Get(timeoutField);
        if (timeout < ShortestTimeout)
        {
            throw new ComponentMetadataException(timeoutField.Name, "timeout must be at least 1s");
        }

        var busyTimeout = context.Metadata.Get(busyTimeoutField);
        var location = text.StartsWith(FilePrefix, StringComparison.Ordinal) ? text[FilePrefix.Length..] : text;
        var path = location.Split('?', 2)[0];
        var options = Options(location);
        var inMemory = path == MemoryPath || options.Contains(("mode", "memory"));
        var readOnly = options.Contains(("mode", "ro")) || options.Contains(("immutable", "1"));
        if (options.FindAll(static o => o.Name == "_txlock").Exists(static o => o.Value != "immediate"))
        {
            context.Logger.LogWarning("{Component}: the option _txlock of the connection string is ignored, transactions are immediate", context.LogName);
        }

        return new SqliteSettings
        {
            Uri = UriOf(path, options, inMemory),
            Pragmas = PragmasOf(options),
            Journal = inMemory ? SqliteJournal.Memory
                : readOnly || context.Metadata.Get(DisableWal) ? SqliteJournal.Delete
                : SqliteJournal.Wal,
            InMemory = inMemory,
            ReadOnly = readOnly,
            Timeout = timeout,
            BusyTimeout = busyTimeout > TimeSpan.Zero ? busyTimeout : TimeSpan.Zero,
        };
    }

    /// <summary>Reads the name of a table, which goes into SQL as it is.</summary>
    /// <exception cref="ComponentMetadataException">The name holds more than letters, digits and underscores.</exception>
    public static string ReadIdentifier(ComponentContext context, MetadataField<string> field)
    {
        var name = context.Metadata.Get(field);
        if (name.Length == 0)
        {
            return field.Default;
        }

        return name.All(static c => char.IsAsciiLetterOrDigit(c) || c == '_')
            ? name
            : throw new ComponentMetadataException(field.Name, $"invalid identifier: {name}");
    }

    private static List<(string Name, string Value)> Options(string location)
    {
        List<(string, string)> options = [];
        var query = location.Split('?', 2) is [_, var text] ? text : "";
        foreach (var option in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = option.Split('=', 2);
            options.Add((System.Uri.UnescapeDataString(parts[0]), parts.Length == 2 ? System.Uri.UnescapeDataString(parts[1]) : ""));
        }

        return options;
    }

    private static string UriOf(string path, List<(string Name, string Value)> options, bool inMemory)
    {
        // Options with an underscore are the reference driver's, the others are SQLite's own.
        var own = options.Where(o => !o.Name.StartsWith('_') && !(inMemory && o.Name == "cache")).ToList();
        if (inMemory)
        {
            own.Add(("cache", "shared"));
        }

        var query = string.Join('&', own.Select(o => $"{System.Uri.EscapeDataString(o.Name)}={System.Uri.EscapeDataString(o.Value)}"));
        return query.Length == 0 ? FilePrefix + path : $"{FilePrefix}{path}?{query}";
    }

    private static List<string> PragmasOf(List<(string Name, string Value)> options)
    {
        List<string> pragmas = [];
        foreach (var (_, pragma) in options.Where(o => o.Name == "_pragma"))
        {
            var name = new string([.. pragma.Trim().TakeWhile(static c => char.IsAsciiLetterOrDigit(c) || c == '_')]);
            if (ForbiddenPragmas.Contains(name, StringComparer.OrdinalIgnoreCase))
            {
                throw new ComponentMetadataException(
                    ConnectionString.Name, $"found forbidden option '_pragma={name.ToLowerInvariant()}' in the connection string");
            }

            pragmas.Add(pragma);
        }

        return pragmas;
    }
}
