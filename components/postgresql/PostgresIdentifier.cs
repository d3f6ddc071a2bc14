using DaprK8s.Components.Metadata;
using Npgsql;

namespace DaprK8s.Components.PostgreSql;

/// <summary>
/// Names of tables as they stand in component metadata. They are put into SQL as they are, so that the server folds their
/// case as it does for Dapr; therefore nothing but a name passes.
/// </summary>
internal static class PostgresIdentifier
{
    /// <summary>Lets a table name pass: one to three names joined by dots, each plain or in double quotes.</summary>
    /// <param name="text">The name.</param>
    /// <param name="field">The metadata field it comes from.</param>
    /// <exception cref="ComponentMetadataException">It is no name.</exception>
    public static string Check(string text, MetadataField field)
    {
        var at = 0;
        for (var parts = 1; parts <= 3 && SkipName(text, ref at); parts++)
        {
            if (at == text.Length)
            {
                return text;
            }

            if (text[at++] != '.')
            {
                break;
            }
        }

        throw new ComponentMetadataException(field.Name, $"\"{text}\" is not a table name: expected letters, digits and underscores, or a name "
            + "in double quotes, with a schema and a dot before it if it has one");
    }

    /// <summary>Whether a table is there.</summary>
    public static async Task<bool> ExistsAsync(NpgsqlConnection connection, string table, CancellationToken cancellationToken)
        => await BareNameAsync(connection, table, cancellationToken) is not null;

    /// <summary>The name of a table without schema and quotes, as the server keeps it; <see langword="null"/> when there is none.</summary>
    public static async Task<string?> BareNameAsync(NpgsqlConnection connection, string table, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("SELECT relname::text FROM pg_class WHERE oid = to_regclass($1)", connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = table });
        return await command.ExecuteScalarAsync(cancellationToken) as string;
    }

    /// <summary>Puts a name into double quotes.</summary>
    public static string Quote(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private static bool SkipName(string text, ref int at)
    {
        var start = at;
        if (at < text.Length && text[at] == '"')
        {
            at++;
            while (at < text.Length)
            {
                var quote = text[at++] == '"';
                if (!quote)
                {
                    continue;
                }

                if (at == text.Length || text[at] != '"')
                {
                    return at - start > 2;
                }

                at++; // Two quotes stand for one.
            }

            return false;
        }

        while (at < text.Length && (char.IsLetter(text[at]) || text[at] == '_' || (at > start && (char.IsDigit(text[at]) || text[at] == '$'))))
        {
            at++;
        }

        return at > start;
    }
}
