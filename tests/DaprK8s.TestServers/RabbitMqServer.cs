using RabbitMQ.Client;

namespace DaprK8s.TestServers;

/// <summary>A RabbitMQ broker of Debian's <c>rabbitmq-server</c>, without plugins, beside its own Erlang port mapper.</summary>
public sealed class RabbitMqServer : ServerProcess
{
    private readonly string[] configuration;
    private readonly int portMapperPort = Loopback.FreePort();
    private readonly int distributionPort = Loopback.FreePort();
    private ChildProcess? portMapper;

    private RabbitMqServer(string[] configuration)
        : base("rabbitmq") => this.configuration = configuration;

    /// <summary>The administrator.</summary>
    public string User => "guest";

    /// <summary>The administrator's password.</summary>
    public string Password => "guest";

    /// <summary>The broker's URL, default virtual host.</summary>
    public string ConnectionString => $"amqp://{User}:{Password}@{Address}";

    /// <summary>Starts a broker.</summary>
    /// <param name="configuration">Lines of <c>rabbitmq.conf</c>, such as <c>consumer_timeout = 5000</c>.</param>
    public static async Task<RabbitMqServer> StartAsync(params string[] configuration)
    {
        var server = new RabbitMqServer(configuration);
        await server.FirstLaunchAsync();
        return server;
    }

    private protected override async Task PrepareAsync()
    {
        await File.WriteAllTextAsync(Path.Combine(Directory, "enabled_plugins"), "[].\n");
        await File.WriteAllTextAsync(Path.Combine(Directory, "env.conf"), "\n");
        await File.WriteAllLinesAsync(Path.Combine(Directory, "rabbitmq.conf"), configuration);
    }

    private protected override async Task<ChildProcess> StartProcessAsync()
    {
        // The Erlang VM would start a mapper of its own as a daemon that stays behind.
        if (portMapper is null or { HasExited: true })
        {
            portMapper = await ChildProcess.StartAsync("epmd", ["-port", $"{portMapperPort}", "-address", Host], directory: Directory);
        }

        return await ChildProcess.StartAsync("/usr/lib/rabbitmq/bin/rabbitmq-server", [], EnvironmentVariables(), directory: Directory);
    }

    private protected override async Task ProbeAsync(CancellationToken cancellationToken)
    {
        var factory = new ConnectionFactory { Uri = new Uri(ConnectionString), AutomaticRecoveryEnabled = false };
        await using var connection = await factory.CreateConnectionAsync(cancellationToken);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken);
    }

    private protected override async ValueTask CleanUpAsync()
    {
        if (portMapper is not null)
        {
            await portMapper.DisposeAsync();
        }
    }

    private Dictionary<string, string> EnvironmentVariables() => new()
    {
        ["HOME"] = Directory,
        ["ERL_EPMD_PORT"] = $"{portMapperPort}",
        ["ERL_EPMD_ADDRESS"] = Host,
        ["RABBITMQ_CONF_ENV_FILE"] = Path.Combine(Directory, "env.conf"),
        ["RABBITMQ_CONFIG_FILE"] = Path.Combine(Directory, "rabbitmq.conf"),
        ["RABBITMQ_ENABLED_PLUGINS_FILE"] = Path.Combine(Directory, "enabled_plugins"),
        ["RABBITMQ_MNESIA_BASE"] = Path.Combine(Directory, "mnesia"),
        ["RABBITMQ_LOG_BASE"] = Path.Combine(Directory, "log"),
        ["RABBITMQ_LOGS"] = "-",
        ["RABBITMQ_PID_FILE"] = Path.Combine(Directory, "pid"),
        ["RABBITMQ_GENERATED_CONFIG_DIR"] = Path.Combine(Directory, "generated"),
        ["RABBITMQ_NODENAME"] = $"test{distributionPort}@localhost",
        ["RABBITMQ_NODE_IP_ADDRESS"] = Host,
        ["RABBITMQ_NODE_PORT"] = $"{Port}",
        ["RABBITMQ_DIST_PORT"] = $"{distributionPort}",
        // With input allowed the start script becomes the Erlang VM instead of waiting beside it.
        ["RABBITMQ_ALLOW_INPUT"] = "1",
        ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] = "-noinput",
    };
}
