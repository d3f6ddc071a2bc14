using System.Globalization;
using DaprK8s.Components.Metadata;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.NameResolution.Sqlite;

/// <summary>
/// The SQLite connection profile (contract: components 2.17): a path or <c>file:</c> URI whose query may hold SQLite's own
/// parameters, made into connections that are set up as every sidecar that shares the file sets them up.
/// </summary>
internal sealed class SqliteProfile
{
    private static readonly string[] ForbiddenPragmas = ["busy_timeout", "journal_mode", "foreign_keys"];

    private readonly string dataSource;
    private readonly TimeSpan timeout;
    private readonly TimeSpan busyTimeout;
    private readonly string? journalMode;
    private readonly List<string> pragmas;

    private SqliteProfile(string dataSource, TimeSpan timeout, TimeSpan busyTimeout, string? journalMode, List<string> pragmas)
    {
        this.dataSource = dataSource;
        this.timeout = timeout;
        this.busyTimeout = busyTimeout;
        this.journalMode = journalMode;
        this.pragmas = pragmas;
    }

    /// <summary>Whether the database lives in this process only.</summary>
    public bool IsInMemory => journalMode == "MEMORY";

    /// <summary>Reads the settings.</summary>
    /// <param name="field">The field that the text is from, for errors.</param>
    /// <param name="connectionString">The text.</param>
    /// <param name="timeout">How long a statement may take.</param>
    /// <param name="busyTimeout">How long SQLite waits for another process's lock; not at all when not positive.</param>
    /// <param name="disableWal">Whether to journal without the write-ahead log, for network file systems.</param>
    /// <param name="logger">Where a doubtful setting is told.</param>
    /// <exception cref="ComponentMetadataException">A setting is missing or wrong.</exception>
    public static SqliteProfile Read(
        MetadataField field, string connectionString, TimeSpan timeout, TimeSpan busyTimeout, bool disableWal, ILogger logger)
    {
        if (connectionString.Length == 0)
        {
            throw new ComponentMetadataException(field.Name, "missing connection string");
        }

        var cut = connectionString.IndexOf('?', StringComparison.Ordinal);
        var path = cut < 0 ? connectionString : connectionString[..cut];
        path = path.StartsWith("file:", StringComparison.OrdinalIgnoreCase) ? path : "file:" + path;
        var inMemory = path.StartsWith("file::memory:", StringComparison.OrdinalIgnoreCase);
        var readOnly = false;
        List<string> parameters = [];
        List<string> pragmas = [];
        foreach (var parameter in cut < 0 ? [] : connectionString[(cut + 1)..].Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var (name, value) = Split(parameter);
            switch (name)
            {
                case "_pragma":
                    pragmas.Add(CheckPragma(field, value));
                    break;
                case "_txlock":
                    if (!value.Equals("immediate", StringComparison.OrdinalIgnoreCase))
                    {
                        logger.LogWarning("_txlock other than 'immediate' is not supported and is taken as 'immediate'");
                    }

                    break;
                case "cache" when inMemory:
                    break;
                default:
                    readOnly |= (name, value) is ("mode", "ro") or ("immutable", "1");
                    parameters.Add(parameter);
                    break;
            }
        }

        if (inMemory)
        {
            parameters.Add("cache=shared");
        }

        // A read-only file keeps the mode that it has.
        var journalMode = inMemory ? "MEMORY" : readOnly ? null : disableWal ? "DELETE" : "WAL";
        return new SqliteProfile(path + "?" + string.Join('&', parameters), timeout, busyTimeout, journalMode, pragmas);
    }

    /// <summary>Whether a text can stand in SQL as the name of a table.</summary>
    public static bool IsIdentifier(string text) => text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');

    /// <summary>Opens a connection of its own, which the caller closes. Blocks while the file is looked at.</summary>
    /// <exception cref="SqliteException">There is no such database, or it is locked for too long.</exception>
    public SqliteConnection Open()
    {
        SqliteConnectionStringBuilder settings = new()
        {
            DataSource = dataSource,
            Pooling = false,
            DefaultTimeout = Math.Max(1, (int)timeout.TotalSeconds),
        };
        SqliteConnection connection = new(settings.ToString());
        try
        {
            connection.Open();
            foreach (var pragma in Pragmas())
            {
                using var command = connection.CreateCommand();
                command.CommandText = "PRAGMA " + pragma;
                command.ExecuteNonQuery();
            }

            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private IEnumerable<string> Pragmas()
    {
        if (busyTimeout >= TimeSpan.FromMilliseconds(1))
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"busy_timeout({(long)busyTimeout.TotalMilliseconds})");
        }

        if (journalMode is not null)
        {
            yield return $"journal_mode({journalMode})";
        }

        foreach (var pragma in pragmas)
        {
            yield return pragma;
        }
    }

    private static string CheckPragma(MetadataField field, string pragma)
    {
        if (Array.Find(ForbiddenPragmas, p => pragma.StartsWith(p, StringComparison.OrdinalIgnoreCase)) is { } forbidden)
        {
            throw new ComponentMetadataException(field.Name, $"found forbidden option '_pragma={forbidden}' in the connection string");
        }

        // It becomes part of a statement: name(value) or name=value, nothing that could end the statement.
        return pragma.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '(' or ')' or '=' or '-' or '.')
            ? pragma
            : throw new ComponentMetadataException(field.Name, "a _pragma in the connection string is malformed");
    }

    private static (string Name, string Value) Split(string parameter)
    {
        var cut = parameter.IndexOf('=', StringComparison.Ordinal);
        return cut < 0
            ? (Uri.UnescapeDataString(parameter), "")
            : (Uri.UnescapeDataString(parameter[..cut]), Uri.UnescapeDataString(parameter[(cut + 1)..]));
    }
}
