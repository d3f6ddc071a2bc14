using DaprK8s.Components.Metadata;
using Npgsql;

namespace DaprK8s.Components.PostgreSql;

/// <summary>
/// The connection settings that every PostgreSQL component has in common (contract: components 2.15), and the data source
/// they describe.
/// </summary>
internal static class PostgresProfile
{
    private static readonly TimeSpan ShortestTimeout = TimeSpan.FromSeconds(1);

    private static readonly MetadataField<string> ConnectionString = Field.Text(
        "connectionString", "Where and how to connect: key=value pairs as of libpq, or a postgres:// URL.", sensitive: true, aliases: "url");

    private static readonly MetadataField<string> Host = Field.Text("host", "Server, instead of the connection string's.");
    private static readonly MetadataField<string> HostAddress = Field.Text(
        "hostaddr", "The server's IP address; host is then only the name that its certificate must bear.");

    private static readonly MetadataField<string> Port = Field.Text("port", "Port, instead of the connection string's.");
    private static readonly MetadataField<string> Database = Field.Text("database", "Database, instead of the connection string's.");
    private static readonly MetadataField<string> User = Field.Text("user", "User, instead of the connection string's.");
    private static readonly MetadataField<string> Password = Field.Text(
        "password", "Password, instead of the connection string's.", sensitive: true);

    private static readonly MetadataField<string> RootCertificate = Field.Text(
        "sslRootCert", "Path of the certificates of authorities that the server's certificate is checked against.");

    private static readonly MetadataField<TimeSpan> Timeout = Field.Duration(
        "timeout", "The longest that connecting, and one operation, may take; at least a second.", TimeSpan.FromSeconds(20), "timeoutInSeconds");

    private static readonly MetadataField<TimeSpan?> MaxIdleTime = Field.OptionalDuration(
        "connectionMaxIdleTime", "How long an unused connection stays in the pool.");

    private static readonly MetadataField<long> MaxConnections = Field.Number(
        "maxConns", "The most connections of the pool; 0 and 1 leave it at the larger of 4 and the number of processors.", max: int.MaxValue);

    private static readonly MetadataField<string> QueryExecMode = Field.Text(
        "queryExecMode",
        "cache_statement (the default) prepares statements; cache_describe, describe_exec, exec and simple_protocol never do, "
        + "as some connection poolers need it.");

    private static readonly MetadataField<bool> UseAzureAD = Field.Bool("useAzureAD", "Entra ID sign-in is not available: true is refused.");
    private static readonly MetadataField<bool> UseAwsIam = Field.Bool("useAWSIAM", "AWS IAM sign-in is not available: true is refused.");

    /// <summary>The profile's fields, for a provider's descriptor.</summary>
    public static IReadOnlyList<MetadataField> Fields { get; } =
    [
        ConnectionString, Host, HostAddress, Port, Database, User, Password, RootCertificate,
        Timeout, MaxIdleTime, MaxConnections, QueryExecMode, UseAzureAD, UseAwsIam,
    ];

    /// <summary>Makes a data source; nothing is connected yet.</summary>
    /// <exception cref="ComponentMetadataException">A setting is wrong.</exception>
    public static NpgsqlDataSource CreateDataSource(ComponentMetadata metadata)
    {
        var settings = ReadSettings(metadata, out var certificateHost);
        var builder = new NpgsqlSlimDataSourceBuilder(settings.ConnectionString);
        builder.EnableTransportSecurity().EnableArrays();

        // Only built-in types are used: asking every server for its catalogue of types would be a query at each start.
        builder.ConfigureTypeLoading(types => types.EnableTypeLoading(false));
        if (certificateHost is not null)
        {
            builder.UseSslClientAuthenticationOptionsCallback(tls => tls.TargetHost = certificateHost);
        }

        return builder.Build();
    }

    /// <summary>Translates the profile into Npgsql's settings.</summary>
    /// <param name="metadata">The component's metadata.</param>
    /// <param name="certificateHost">
    /// The name that the server's certificate must bear when it is another than the host dialled, else <see langword="null"/>.
    /// </param>
    /// <exception cref="ComponentMetadataException">A setting is wrong.</exception>
    public static NpgsqlConnectionStringBuilder ReadSettings(ComponentMetadata metadata, out string? certificateHost)
    {
        RefuseTokens(metadata, UseAzureAD, "Entra ID");
        RefuseTokens(metadata, UseAwsIam, "AWS IAM");
        var pairs = ReadPairs(metadata);
        certificateHost = null;
        if (pairs.Remove("hostaddr", out var address) && address.Length > 0)
        {
            certificateHost = pairs.GetValueOrDefault("host");
            pairs["host"] = address;
        }

        var settings = LibpqSettings.Translate(pairs);
        ApplyPool(metadata, settings);
        ApplyTimeout(metadata, settings);
        ApplyExecMode(metadata.Get(QueryExecMode), settings);
        return settings;
    }

    private static Dictionary<string, string> ReadPairs(ComponentMetadata metadata)
    {
        var text = metadata.Get(ConnectionString);
        Dictionary<string, string> pairs;
        try
        {
            pairs = ConnectionText.Parse(text);
        }
        catch (FormatException e)
        {
            var what = text.Contains("://", StringComparison.Ordinal) ? "invalid URL connection string" : "failed to parse connection string";
            throw new ComponentMetadataException(ConnectionString.Name, $"{what}: {e.Message}");
        }

        Override("host", Host);
        Override("hostaddr", HostAddress);
        Override("port", Port);
        Override("database", Database);
        Override("user", User);
        Override("password", Password);
        Override("sslrootcert", RootCertificate);
        if (pairs.Count == 0)
        {
            throw new ComponentMetadataException(ConnectionString.Name, "failed to build connection string");
        }

        return pairs;

        void Override(string keyword, MetadataField<string> field)
        {
            if (metadata.Get(field) is { Length: > 0 } value)
            {
                pairs[keyword] = value;
                if (keyword == "database")
                {
                    pairs.Remove("dbname");
                }
            }
        }
    }

    private static void RefuseTokens(ComponentMetadata metadata, MetadataField<bool> field, string what)
    {
        if (metadata.Get(field))
        {
            throw new ComponentMetadataException(field.Name, $"signing in with {what} tokens is not supported by this build");
        }
    }

    private static void ApplyPool(ComponentMetadata metadata, NpgsqlConnectionStringBuilder settings)
    {
        if (metadata.Get(MaxConnections) is > 1 and var connections)
        {
            settings.MaxPoolSize = (int)connections;
            settings.MinPoolSize = Math.Min(settings.MinPoolSize, settings.MaxPoolSize);
        }

        if (metadata.Get(MaxIdleTime) is { } idle && idle > TimeSpan.Zero)
        {
            settings.ConnectionIdleLifetime = WholeSeconds(idle, int.MaxValue);
        }

        settings.ConnectionPruningInterval = Math.Min(settings.ConnectionPruningInterval, settings.ConnectionIdleLifetime);
    }

    private static void ApplyTimeout(ComponentMetadata metadata, NpgsqlConnectionStringBuilder settings)
    {
        var timeout = metadata.Get(Timeout);
        if (timeout < ShortestTimeout)
        {
            throw new ComponentMetadataException(Timeout.Name, "invalid value for 'timeout': must be greater than 1s");
        }

        settings.CommandTimeout = WholeSeconds(timeout, int.MaxValue);
        settings.Timeout = Math.Min(settings.Timeout, WholeSeconds(timeout, LibpqSettings.LongestConnectTimeout));
    }

    // Npgsql knows prepared statements and unnamed ones; whether the server describes first makes no difference to it.
    private static void ApplyExecMode(string mode, NpgsqlConnectionStringBuilder settings)
    {
        if (mode.Length == 0)
        {
            return;
        }

        if (!LibpqSettings.TryApplyExecMode(mode, settings))
        {
            throw new ComponentMetadataException(QueryExecMode.Name, $"invalid queryExecMode metadata value: {mode}");
        }
    }

    private static int WholeSeconds(TimeSpan duration, int longest)
        => (int)Math.Clamp(Math.Ceiling(duration.TotalSeconds), 1, longest);
}
