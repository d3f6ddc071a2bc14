using System.Globalization;
using System.Net.Sockets;
using System.Text;
using DaprK8s.Components.Tests.Support;
using DaprK8s.TestServers;
using Npgsql;
using RabbitMQ.Client;

namespace DaprK8s.Components.Tests.TestServers;

/// <summary>What the other tests count on: real servers that keep their data and leave nothing behind.</summary>
public sealed class TestServerTests : IAsyncDisposable
{
    private const string OrphanVariable = "TEST_SERVER_ORPHAN_FILE";
    private readonly TemporaryFile file = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => file.DisposeAsync();

    [Fact]
    public async Task Redis_keeps_its_data_over_a_kill_and_a_restart_on_the_same_port()
    {
        await using var server = await RedisServer.StartAsync(password: "pw");
        var port = server.Port;
        Assert.Equal("+OK", await RedisAsync(server, "AUTH pw\r\nSET a 1", skip: 1));

        await server.StopAsync();
        await Assert.ThrowsAsync<SocketException>(() => RedisAsync(server, "PING"));
        await server.RestartAsync();
        Assert.Equal("$1", await RedisAsync(server, "AUTH pw\r\nGET a", skip: 1));
        await server.RestartAsync();

        Assert.Equal("$1", await RedisAsync(server, "AUTH pw\r\nGET a", skip: 1));
        Assert.Equal(port, server.Port);
    }

    [Fact]
    public async Task A_paused_server_answers_when_resumed()
    {
        await using var server = await RedisServer.StartAsync();
        await server.PauseAsync();

        var answer = RedisAsync(server, "PING");

        await Task.WhenAny(answer, Task.Delay(200, Cancel));
        Assert.False(answer.IsCompleted, "a paused server answered");
        await server.ResumeAsync();
        Assert.Equal("+PONG", await answer);
    }

    [Fact]
    public async Task PostgreSQL_keeps_its_data_over_a_kill_and_a_pause_stops_its_sessions_too()
    {
        await using var server = await PostgresServer.StartAsync("max_connections=20");
        await server.CreateDatabaseAsync("other");
        await server.StopAsync();
        await server.RestartAsync();
        await using var connection = new NpgsqlConnection(server.ConnectionString + ";Pooling=false");
        await connection.OpenAsync(Cancel);

        await server.PauseAsync();
        await using var command = new NpgsqlCommand("SELECT count(*) FROM pg_database WHERE datname = 'other'", connection);
        var answer = command.ExecuteScalarAsync(Cancel);
        await Task.WhenAny(answer, Task.Delay(200, Cancel));
        Assert.False(answer.IsCompleted, "a session of a paused server answered");
        await server.ResumeAsync();

        Assert.Equal(1L, await answer);
    }

    [Fact]
    public async Task RabbitMQ_keeps_durable_queues_over_a_restart()
    {
        await using var server = await RabbitMqServer.StartAsync("heartbeat = 30");
        var factory = new ConnectionFactory { Uri = new Uri(server.ConnectionString) };
        await using (var connection = await factory.CreateConnectionAsync(Cancel))
        {
            await using var channel = await connection.CreateChannelAsync(cancellationToken: Cancel);
            await channel.QueueDeclareAsync("q", durable: true, exclusive: false, autoDelete: false, cancellationToken: Cancel);
        }

        await server.RestartAsync();

        await using var again = await factory.CreateConnectionAsync(Cancel);
        await using var other = await again.CreateChannelAsync(cancellationToken: Cancel);
        Assert.Equal("q", (await other.QueueDeclarePassiveAsync("q", Cancel)).QueueName);
    }

    [Fact]
    public async Task A_server_that_does_not_start_shows_what_it_said()
    {
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => RedisServer.StartAsync(null, "--no-such-option", "1"));

        Assert.Contains("no-such-option", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_disposed_server_leaves_no_process()
    {
        var server = await PostgresServer.StartAsync();
        var ids = ProcessesNaming($"port={server.Port}");
        Assert.NotEmpty(ids);

        await server.DisposeAsync();

        Assert.Empty(ProcessesNaming($"port={server.Port}"));
    }

    [Fact]
    public async Task A_server_whose_test_process_is_killed_goes_with_it()
    {
        if (Environment.GetEnvironmentVariable(OrphanVariable) is { } report)
        {
            // In the process that the second half of this test started.
            var server = await RedisServer.StartAsync();
            await File.WriteAllTextAsync(report + ".new", server.Port.ToString(CultureInfo.InvariantCulture), Cancel);
            File.Move(report + ".new", report);
            await Task.Delay(Timeout.Infinite, Cancel);
        }

        var program = Path.Combine(AppContext.BaseDirectory, "DaprK8s.Components.Tests");
        string[] arguments = ["-method", $"{typeof(TestServerTests).FullName}.{nameof(A_server_whose_test_process_is_killed_goes_with_it)}"];
        var environment = new Dictionary<string, string> { [OrphanVariable] = file.Path, ["TMPDIR"] = Path.GetDirectoryName(file.Path)! };
        string name;
        using (var child = System.Diagnostics.Process.Start(StartInfo(program, arguments, environment))!)
        {
            await Eventually.TrueAsync(() => File.Exists(file.Path), "the process starts a server");
            name = $"redis-server 127.0.0.1:{await File.ReadAllTextAsync(file.Path, Cancel)}";
            Assert.NotEmpty(ProcessesNaming(name));
            child.Kill();
            await child.WaitForExitAsync(Cancel);
        }

        await Eventually.TrueAsync(() => ProcessesNaming(name).Length == 0, "the server ends with the process that started it");
    }

    private static System.Diagnostics.ProcessStartInfo StartInfo(string program, string[] arguments, Dictionary<string, string> environment)
    {
        var start = new System.Diagnostics.ProcessStartInfo(program, arguments) { RedirectStandardOutput = true };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        return start;
    }

    private static int[] ProcessesNaming(string text)
        => [.. Directory.EnumerateDirectories("/proc")
            .Select(d => (Id: int.TryParse(Path.GetFileName(d), out var id) ? id : 0, Path: d))
            .Where(p => p.Id > 0 && CommandLine(p.Path).Contains(text, StringComparison.Ordinal))
            .Select(p => p.Id)];

    private static string CommandLine(string directory)
    {
        try
        {
            return File.ReadAllText(directory + "/cmdline").Replace('\0', ' ');
        }
        catch (IOException)
        {
            return ""; // It has just ended.
        }
    }

    private static async Task<string?> RedisAsync(RedisServer server, string commands, int skip = 0)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(server.Host, server.Port, Cancel);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(commands + "\r\n"), Cancel);
        using var reader = new StreamReader(client.GetStream());
        for (var i = 0; i < skip; i++)
        {
            await reader.ReadLineAsync(Cancel);
        }

        return await reader.ReadLineAsync(Cancel);
    }
}
