using System.Globalization;
using System.Text;
using DaprK8s.Common.Text;
using DaprK8s.Components.Metadata;
using Npgsql;

namespace DaprK8s.Components.PostgreSql;

/// <summary>
/// Translates the keywords of a libpq connection string, and the pool keywords that Dapr's driver adds to them, into Npgsql's
/// settings. A keyword that nobody knows is a run-time parameter of the session, as libpq's own rules have it for
/// <c>options</c> and Dapr's driver for every unknown word.
/// </summary>
internal static class LibpqSettings
{
    /// <summary>The longest connect timeout that Npgsql takes, in seconds.</summary>
    public const int LongestConnectTimeout = 1024;

    private const int PreparedStatements = 64;

    /// <summary>Translates the pairs of a connection string.</summary>
    /// <exception cref="ComponentMetadataException">A value is wrong or a keyword is not supported.</exception>
    public static NpgsqlConnectionStringBuilder Translate(Dictionary<string, string> pairs)
    {
        // The defaults are those of Dapr's driver where a database would notice: few connections, session state left alone.
        var settings = new NpgsqlConnectionStringBuilder
        {
            MaxPoolSize = Math.Max(4, Environment.ProcessorCount),
            NoResetOnClose = true,
            Timeout = LongestConnectTimeout,
            Enlist = false,
            GssEncryptionMode = GssEncryptionMode.Disable,
            TcpKeepAlive = true,
            TcpKeepAliveTime = 15,
            TcpKeepAliveInterval = 15,
            MaxAutoPrepare = PreparedStatements,
            AutoPrepareMinUsages = 2,
        };
        ApplyHosts(pairs, settings);
        foreach (var (keyword, value) in pairs)
        {
            if (value.Length > 0)
            {
                Apply(settings, keyword, value);
            }
        }

        ApplyTls(pairs, settings);
        return settings;
    }

    /// <summary>Whether statements are prepared; <see langword="false"/> when there is no such mode.</summary>
    public static bool TryApplyExecMode(string mode, NpgsqlConnectionStringBuilder settings)
    {
        switch (mode)
        {
            case "cache_statement":
                return true;
            case "cache_describe" or "describe_exec" or "exec" or "simple_protocol":
                settings.MaxAutoPrepare = 0;
                return true;
            default:
                return false;
        }
    }

    private static void Apply(NpgsqlConnectionStringBuilder settings, string keyword, string value)
    {
        switch (keyword)
        {
            case "host" or "port" or "sslmode" or "sslrootcert":
                break; // Read together, by others.
            case "database" or "dbname":
                settings.Database = value;
                break;
            case "user":
                settings.Username = value;
                break;
            case "password":
                settings.Password = value;
                break;
            case "passfile":
                settings.Passfile = value;
                break;
            case "sslcert":
                settings.SslCertificate = value;
                break;
            case "sslkey":
                settings.SslKey = value;
                break;
            case "sslpassword":
                settings.SslPassword = value;
                break;
            case "sslnegotiation":
                settings.SslNegotiation = value switch
                {
                    "postgres" => SslNegotiation.Postgres,
                    "direct" => SslNegotiation.Direct,
                    _ => throw Wrong(keyword),
                };
                break;
            case "channel_binding":
                settings.ChannelBinding = value switch
                {
                    "disable" => ChannelBinding.Disable,
                    "prefer" => ChannelBinding.Prefer,
                    "require" => ChannelBinding.Require,
                    _ => throw Wrong(keyword),
                };
                break;
            case "require_auth":
                Set(settings, keyword, () => settings.RequireAuth = value.Replace("scram-sha-256", "ScramSHA256", StringComparison.Ordinal));
                break;
            case "target_session_attrs":
                Set(settings, keyword, () => settings.TargetSessionAttributes = value);
                break;
            case "load_balance_hosts":
                settings.LoadBalanceHosts = value == "random";
                break;
            case "connect_timeout":
                // Zero, or less, is libpq's word for no limit of its own.
                if (Number(keyword, value) is > 0 and var seconds)
                {
                    settings.Timeout = Math.Min(seconds, LongestConnectTimeout);
                }

                break;
            case "application_name":
                settings.ApplicationName = value;
                break;
            case "search_path":
                settings.SearchPath = value;
                break;
            case "client_encoding":
                settings.ClientEncoding = value;
                break;
            case "options":
                settings.Options = settings.Options is { Length: > 0 } ? $"{value} {settings.Options}" : value;
                break;
            case "pool_max_conns":
                settings.MaxPoolSize = Math.Max(1, Number(keyword, value));
                break;
            case "pool_min_conns":
                settings.MinPoolSize = Math.Max(0, Number(keyword, value));
                break;
            case "pool_max_conn_lifetime":
                settings.ConnectionLifetime = Seconds(keyword, value);
                break;
            case "pool_max_conn_idle_time":
                settings.ConnectionIdleLifetime = Math.Max(1, Seconds(keyword, value));
                break;
            case "pool_health_check_period":
                settings.ConnectionPruningInterval = Math.Max(1, Seconds(keyword, value));
                break;
            case "default_query_exec_mode":
                if (!TryApplyExecMode(value, settings))
                {
                    throw Wrong(keyword);
                }

                break;
            case "statement_cache_capacity":
                settings.MaxAutoPrepare = Math.Max(0, Number(keyword, value));
                break;
            case "pool_max_conn_lifetime_jitter" or "pool_min_idle_conns" or "description_cache_capacity" or "sslsni"
                or "fallback_application_name" or "min_read_buffer_size":
                break; // Npgsql has no such setting and does well without.
            case "service" or "servicefile" or "krbspn" or "krbsrvname" or "gsslib":
                throw new ComponentMetadataException("connectionString", $"the keyword {keyword} is not supported");
            default:
                AddRuntimeParameter(settings, keyword, value);
                break;
        }
    }

    private static void ApplyHosts(Dictionary<string, string> pairs, NpgsqlConnectionStringBuilder settings)
    {
        string[] hosts = pairs.TryGetValue("host", out var host) && host.Length > 0 ? host.Split(',') : ["localhost"];
        string[] ports = pairs.TryGetValue("port", out var port) && port.Length > 0 ? port.Split(',') : [];
        if (ports.Length > 1 && ports.Length != hosts.Length)
        {
            throw new ComponentMetadataException("port", "there must be one port, or as many as hosts");
        }

        var endpoints = hosts.Select((h, i) => Endpoint(h.Trim(), ports.Length == 0 ? null : ports[i % ports.Length])).ToArray();
        if (endpoints is [var only])
        {
            settings.Host = only.Host;
            settings.Port = only.Port;

            // Npgsql takes the role of a server only where it may choose among several; a standby will refuse writes by itself.
            pairs.Remove("target_session_attrs");
            return;
        }

        settings.Host = string.Join(',', endpoints.Select(e => e.Host.Contains(':', StringComparison.Ordinal)
            ? $"[{e.Host}]:{e.Port}" : $"{e.Host}:{e.Port}"));
    }

    // "name", "name:port", "[v6]", "[v6]:port", a bare IPv6 address, or the directory of a Unix socket.
    private static (string Host, int Port) Endpoint(string host, string? port)
    {
        if (host.StartsWith('[') && host.IndexOf(']', StringComparison.Ordinal) is > 0 and var bracket)
        {
            if (bracket + 1 < host.Length)
            {
                port ??= host[(bracket + 1)..].TrimStart(':');
            }

            host = host[1..bracket];
        }
        else if (!host.StartsWith('/') && host.IndexOf(':', StringComparison.Ordinal) is >= 0 and var colon && host.LastIndexOf(':') == colon)
        {
            port ??= host[(colon + 1)..];
            host = host[..colon];
        }

        var number = NpgsqlConnection.DefaultPort;
        if (port is { Length: > 0 } && (!int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out number) || number is < 1 or > 65535))
        {
            throw new ComponentMetadataException("port", "failed to parse connection string: invalid port");
        }

        return (host.Length == 0 ? "localhost" : host, number);
    }

    private static void ApplyTls(Dictionary<string, string> pairs, NpgsqlConnectionStringBuilder settings)
    {
        var authorities = pairs.GetValueOrDefault("sslrootcert") ?? "";
        settings.SslMode = pairs.GetValueOrDefault("sslmode") switch
        {
            "disable" => SslMode.Disable,
            "allow" => SslMode.Allow,
            null or "" or "prefer" => SslMode.Prefer,

            // libpq's rule: naming an authority asks for its signature.
            "require" => authorities.Length > 0 ? SslMode.VerifyCA : SslMode.Require,
            "verify-ca" => SslMode.VerifyCA,
            "verify-full" => SslMode.VerifyFull,
            _ => throw Wrong("sslmode"),
        };

        if (settings.SslMode is SslMode.VerifyCA or SslMode.VerifyFull && authorities is not ("" or "system"))
        {
            settings.RootCertificate = authorities;
        }
    }

    private static void AddRuntimeParameter(NpgsqlConnectionStringBuilder settings, string keyword, string value)
    {
        if (!keyword.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.'))
        {
            throw new ComponentMetadataException("connectionString", "failed to parse connection string: a keyword is no name of a parameter");
        }

        if (keyword.Equals("timezone", StringComparison.OrdinalIgnoreCase))
        {
            settings.Timezone = value;
            return;
        }

        var option = new StringBuilder(settings.Options);
        option.Append(option.Length > 0 ? " " : "").Append("-c ").Append(keyword).Append('=');
        foreach (var c in value)
        {
            if (char.IsWhiteSpace(c) || c == '\\')
            {
                option.Append('\\');
            }

            option.Append(c);
        }

        settings.Options = option.ToString();
    }

    private static int Number(string keyword, string value)
        => int.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : throw Wrong(keyword);

    private static int Seconds(string keyword, string value)
        => GoDuration.TryParse(value, out var duration) && duration >= TimeSpan.Zero && duration.TotalSeconds < int.MaxValue
            ? (int)Math.Ceiling(duration.TotalSeconds)
            : throw Wrong(keyword);

    private static void Set(NpgsqlConnectionStringBuilder settings, string keyword, Action set)
    {
        try
        {
            set();
        }
        catch (ArgumentException)
        {
            throw Wrong(keyword);
        }
    }

    private static ComponentMetadataException Wrong(string keyword)
        => new("connectionString", $"failed to parse connection string: the value of {keyword} is wrong");
}
