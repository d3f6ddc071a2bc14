using DaprK8s.Components.Metadata;
using DaprK8s.Components.PostgreSql;
using Npgsql;

namespace DaprK8s.Components.Tests.PostgreSql;

/// <summary>The metadata of PostgreSQL components, as Npgsql's settings.</summary>
public sealed class PostgresProfileTests
{
    private static NpgsqlConnectionStringBuilder Read(params (string Name, string Value)[] metadata)
        => PostgresProfile.ReadSettings(new ComponentMetadata(metadata.Select(m => KeyValuePair.Create(m.Name, m.Value))), out _);

    private static NpgsqlConnectionStringBuilder ReadText(string connectionString, params (string Name, string Value)[] metadata)
        => Read([("connectionString", connectionString), .. metadata]);

    [Theory]
    [InlineData("connectionString", "host=h port=5433 user=u password=p database=d")]
    [InlineData("url", "host=h port=5433 user=u password=p dbname=d")]
    [InlineData("CONNECTIONSTRING", "postgres://u:p@h:5433/d")]
    [InlineData("connectionString", "postgresql://u:p@h:5433/d")]
    [InlineData("connectionString", "postgresql://u:p@h/d?port=5433")]
    public void Every_form_of_a_connection_string_says_the_same(string name, string text)
    {
        var settings = Read((name, text));

        Assert.Equal(("h", 5433, "u", "p", "d"), (settings.Host, settings.Port, settings.Username, settings.Password, settings.Database));
    }

    [Theory]
    [InlineData("")]
    [InlineData("host=x port=1 user=x password=x dbname=x sslmode=verify-ca")]
    [InlineData("postgres://x:x@x:1/x?sslmode=verify-ca")]
    public void Single_fields_win_over_the_connection_string(string text)
    {
        var settings = ReadText(text, ("host", "h"), ("port", "5433"), ("user", "u"), ("password", "p w"), ("database", "d"), ("sslRootCert", "/ca.pem"));

        Assert.Equal(("h", 5433, "u", "p w", "d"), (settings.Host, settings.Port, settings.Username, settings.Password, settings.Database));
        Assert.Equal(text.Length == 0 ? null : "/ca.pem", settings.RootCertificate);
    }

    [Fact]
    public void A_host_address_is_dialled_and_the_host_is_the_name_in_the_certificate()
    {
        var settings = PostgresProfile.ReadSettings(
            new ComponentMetadata([new("connectionString", "host=db.example port=7"), new("hostaddr", "10.0.0.1")]), out var certificateHost);

        Assert.Equal(("10.0.0.1", 7, "db.example"), (settings.Host, settings.Port, certificateHost));
    }

    [Theory]
    [InlineData("host=h", "h", 5432)]
    [InlineData("user=u", "localhost", 5432)]
    [InlineData("host=::1", "::1", 5432)]
    [InlineData("postgres://[::1]:7/d", "::1", 7)]
    [InlineData("host=/var/run/postgresql", "/var/run/postgresql", 5432)]
    [InlineData("host=h1,h2", "h1:5432,h2:5432", 5432)]
    [InlineData("host=h1,h2 port=1,2", "h1:1,h2:2", 5432)]
    [InlineData("host=h1,h2 port=7", "h1:7,h2:7", 5432)]
    [InlineData("postgres://h1:1,[::1]:2/d", "h1:1,[::1]:2", 5432)]
    public void Hosts_and_ports(string text, string host, int port)
    {
        var settings = ReadText(text);

        Assert.Equal((host, port), (settings.Host, settings.Port));
    }

    [Theory]
    [InlineData("", SslMode.Prefer, null)]
    [InlineData("sslmode=disable", SslMode.Disable, null)]
    [InlineData("sslmode=allow", SslMode.Allow, null)]
    [InlineData("sslmode=prefer sslrootcert=/ca", SslMode.Prefer, null)]
    [InlineData("sslmode=require", SslMode.Require, null)]
    [InlineData("sslmode=require sslrootcert=/ca", SslMode.VerifyCA, "/ca")]
    [InlineData("sslmode=verify-ca sslrootcert=/ca", SslMode.VerifyCA, "/ca")]
    [InlineData("sslmode=verify-full sslrootcert=/ca", SslMode.VerifyFull, "/ca")]
    [InlineData("sslmode=verify-full sslrootcert=system", SslMode.VerifyFull, null)]
    public void Transport_security(string text, SslMode mode, string? authorities)
    {
        var settings = ReadText("host=h " + text);

        Assert.Equal((mode, authorities), (settings.SslMode, settings.RootCertificate));
    }

    [Fact]
    public void Client_certificates_and_session_settings()
    {
        var settings = ReadText(
            "host=h,i sslcert=/c sslkey=/k sslpassword=s channel_binding=require application_name=app search_path=a,b options='-c geqo=off' "
            + "statement_timeout=5000 work_mem='4 MB' TimeZone=UTC target_session_attrs=read-write passfile=/p");

        Assert.Equal(("/c", "/k", "s"), (settings.SslCertificate, settings.SslKey, settings.SslPassword));
        Assert.Equal(ChannelBinding.Require, settings.ChannelBinding);
        Assert.Equal(("app", "a,b", "UTC", "read-write", "/p"),
            (settings.ApplicationName, settings.SearchPath, settings.Timezone, settings.TargetSessionAttributes, settings.Passfile));
        Assert.Equal("-c geqo=off -c statement_timeout=5000 -c work_mem=4\\ MB", settings.Options);
    }

    [Fact]
    public void The_pool_is_small_unless_told_otherwise()
    {
        Assert.Equal(Math.Max(4, Environment.ProcessorCount), ReadText("host=h").MaxPoolSize);
        Assert.Equal(Math.Max(4, Environment.ProcessorCount), ReadText("host=h", ("maxConns", "1")).MaxPoolSize);
        Assert.Equal(2, ReadText("host=h", ("maxConns", "2")).MaxPoolSize);
        Assert.Equal(33, ReadText("host=h pool_max_conns=33 pool_min_conns=3").MaxPoolSize);
        Assert.Equal(3, ReadText("host=h pool_max_conns=33 pool_min_conns=3").MinPoolSize);
        Assert.Equal(9, ReadText("host=h pool_max_conns=33", ("maxConns", "9")).MaxPoolSize);
    }

    [Fact]
    public void Idle_times_and_timeouts()
    {
        var settings = ReadText("host=h pool_max_conn_lifetime=1h pool_max_conn_idle_time=90s pool_health_check_period=1m");
        Assert.Equal((3600, 90, 60, 20, 20),
            (settings.ConnectionLifetime, settings.ConnectionIdleLifetime, settings.ConnectionPruningInterval, settings.Timeout, settings.CommandTimeout));

        settings = ReadText("host=h connect_timeout=3", ("connectionMaxIdleTime", "2500ms"), ("timeoutInSeconds", "45"));
        Assert.Equal((3, 3, 3, 45),
            (settings.ConnectionIdleLifetime, settings.ConnectionPruningInterval, settings.Timeout, settings.CommandTimeout));
        Assert.Equal((1024, 7200), (ReadText("host=h", ("timeout", "2h")).Timeout, ReadText("host=h", ("timeout", "2h")).CommandTimeout));
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("cache_statement", true)]
    [InlineData("cache_describe", false)]
    [InlineData("describe_exec", false)]
    [InlineData("exec", false)]
    [InlineData("simple_protocol", false)]
    public void Statements_are_prepared_unless_the_mode_forbids_it(string mode, bool prepares)
    {
        Assert.Equal(prepares, ReadText("host=h", ("queryExecMode", mode)).MaxAutoPrepare > 0);
        Assert.Equal(prepares, mode.Length == 0 || ReadText($"host=h default_query_exec_mode={mode}").MaxAutoPrepare > 0);
    }

    [Theory]
    [InlineData("connectionString", "", "failed to build connection string")]
    [InlineData("connectionString", "no pairs here", "failed to build connection string")]
    [InlineData("connectionString", "postgres://u:s3cret%zz@h/d", "invalid URL connection string: invalid URL escape")]
    [InlineData("connectionString", "host=h password='s3cret", "failed to parse connection string: a quoted value does not end")]
    [InlineData("connectionString", "host=h port=s3cret", "failed to parse connection string: invalid port")]
    [InlineData("connectionString", "host=h sslmode=s3cret", "failed to parse connection string: the value of sslmode is wrong")]
    [InlineData("connectionString", "host=h pool_max_conns=s3cret", "failed to parse connection string: the value of pool_max_conns is wrong")]
    [InlineData("connectionString", "host=h,i target_session_attrs=s3cret", "failed to parse connection string: the value of target_session_attrs is wrong")]
    [InlineData("connectionString", "host=h password=a s3&cret=b", "failed to parse connection string: a keyword is no name of a parameter")]
    [InlineData("connectionString", "host=h service=s3cret", "the keyword service is not supported")]
    [InlineData("timeout", "999ms", "invalid value for 'timeout': must be greater than 1s")]
    [InlineData("timeoutInSeconds", "0", "invalid value for 'timeout': must be greater than 1s")]
    [InlineData("timeout", "soon", "expected a duration")]
    [InlineData("queryExecMode", "fast", "invalid queryExecMode metadata value: fast")]
    [InlineData("useAzureAD", "true", "not supported by this build")]
    [InlineData("useAWSIAM", "true", "not supported by this build")]
    [InlineData("maxConns", "many", "expected a whole number")]
    public void A_wrong_setting_is_named_without_showing_a_secret(string name, string value, string problem)
    {
        (string, string)[] metadata = name == "connectionString" ? [(name, value)] : [("connectionString", "host=h password=s3cret"), (name, value)];

        var error = Assert.Throws<ComponentMetadataException>(() => Read(metadata));

        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_accepted_setting_makes_a_data_source()
    {
        string[] texts =
        [
            "host=h", "host=h1,h2 port=1,2 target_session_attrs=primary load_balance_hosts=random", "host=h target_session_attrs=any",
            "host=h target_session_attrs=read-write", "host=h sslmode=verify-full sslnegotiation=direct", "host=h require_auth=scram-sha-256",
            "host=h connect_timeout=0 pool_max_conn_idle_time=1s",
        ];
        foreach (var text in texts)
        {
            PostgresProfile.CreateDataSource(new ComponentMetadata([new("connectionString", text)])).Dispose();
        }
    }
}
