using Npgsql;

namespace DaprK8s.TestServers;

/// <summary>A PostgreSQL server of Debian's <c>postgresql</c>, superuser <c>postgres</c> with a password.</summary>
public sealed class PostgresServer : ServerProcess
{
    private const string SystemUser = "postgres";
    private readonly string[] settings;

    private PostgresServer(string[] settings)
        : base("postgres") => this.settings = settings;

    /// <summary>The superuser.</summary>
    public string User => "postgres";

    /// <summary>The superuser's password.</summary>
    public string Password => "pg-Test_1";

    /// <summary>The database that is there from the start.</summary>
    public string Database => "postgres";

    /// <summary>What Npgsql connects with.</summary>
    public string ConnectionString => $"Host={Host};Port={Port};Username={User};Password={Password};Database={Database}";

    /// <summary>The same as a <c>postgres://</c> URL.</summary>
    public string Url => $"postgres://{User}:{Password}@{Address}/{Database}?sslmode=disable";

    /// <summary>The same in libpq's keyword form.</summary>
    public string KeywordConnectionString => $"host={Host} port={Port} user={User} password={Password} dbname={Database} sslmode=disable";

    /// <summary>Starts a server.</summary>
    /// <param name="settings">More settings in the form <c>name=value</c>, such as <c>max_connections=20</c>.</param>
    public static async Task<PostgresServer> StartAsync(params string[] settings)
    {
        var server = new PostgresServer(settings);
        await server.FirstLaunchAsync();
        return server;
    }

    /// <summary>Creates an empty database and returns its connection string for Npgsql.</summary>
    public async Task<string> CreateDatabaseAsync(string name)
    {
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"CREATE DATABASE \"{name}\"", connection);
        await command.ExecuteNonQueryAsync();
        return new NpgsqlConnectionStringBuilder(ConnectionString) { Database = name }.ConnectionString;
    }

    // "Fast": ends the sessions instead of waiting for their clients to go.
    private protected override int ShutdownSignal => ChildProcess.Interrupt;

    private protected override async Task PrepareAsync()
    {
        var passwordFile = Path.Combine(Directory, "password");
        await File.WriteAllTextAsync(passwordFile, Password);
        if (Environment.IsPrivilegedProcess)
        {
            await ChildProcess.RunAsync("chown", ["-R", SystemUser, Directory]);
        }

        await ChildProcess.RunAsync(
            Binary("initdb"),
            ["-D", Data, "-U", User, "-A", "scram-sha-256", "--pwfile", passwordFile, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
            user: SystemUser,
            directory: Directory);
    }

    private protected override Task<ChildProcess> StartProcessAsync()
    {
        // Without fsync a killed server loses nothing, only a crashed machine would.
        string[] all =
        [
            $"port={Port}", $"listen_addresses={Host}", $"unix_socket_directories={Directory}", "fsync=off", "full_page_writes=off",
            "shared_buffers=32MB", "max_connections=200", .. settings,
        ];
        return ChildProcess.StartAsync(
            Binary("postgres"), ["-D", Data, .. all.SelectMany(s => new[] { "-c", s })], user: SystemUser, directory: Directory);
    }

    private protected override async Task ProbeAsync(CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(ConnectionString + ";Pooling=false;Timeout=5");
        await connection.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand("SELECT 1", connection);
        await command.ExecuteScalarAsync(cancellationToken);
    }

    private string Data => Path.Combine(Directory, "data");

    // Debian keeps the server's programs out of PATH, in one directory a major version.
    private static string Binary(string program)
        => System.IO.Directory.Exists("/usr/lib/postgresql")
            ? System.IO.Directory.EnumerateDirectories("/usr/lib/postgresql")
                .OrderByDescending(d => int.TryParse(Path.GetFileName(d), out var major) ? major : 0)
                .Select(d => Path.Combine(d, "bin", program))
                .FirstOrDefault(File.Exists) ?? program
            : program;
}
