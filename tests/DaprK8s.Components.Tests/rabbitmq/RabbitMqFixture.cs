using DaprK8s.TestServers;
using RabbitMQ.Client;

namespace DaprK8s.Components.Tests.RabbitMq;

/// <summary>One broker for all tests that leave it running, at their end at least.</summary>
public sealed class RabbitMqFixture : IAsyncLifetime
{
    private RabbitMqServer? server;

    /// <summary>The broker.</summary>
    public RabbitMqServer Server => server ?? throw new InvalidOperationException("the broker is not started yet");

    /// <inheritdoc/>
    public async ValueTask InitializeAsync() => server = await RabbitMqServer.StartAsync();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (server is not null)
        {
            await server.DisposeAsync();
        }
    }

    /// <summary>A channel of the test's own, with which it looks at what the component did.</summary>
    public async Task<RawChannel> OpenChannelAsync() => await RawChannel.OpenAsync(Server.ConnectionString);
}

/// <summary>The classes that share the broker of <see cref="RabbitMqFixture"/>.</summary>
[CollectionDefinition(nameof(RabbitMqCollection))]
public sealed class RabbitMqCollection : ICollectionFixture<RabbitMqFixture>;

/// <summary>A channel with its connection.</summary>
public sealed class RawChannel : IAsyncDisposable
{
    private readonly IConnection connection;

    private RawChannel(IConnection connection, IChannel channel)
    {
        this.connection = connection;
        Channel = channel;
    }

    /// <summary>The channel.</summary>
    public IChannel Channel { get; }

    /// <summary>Connects.</summary>
    public static async Task<RawChannel> OpenAsync(string connectionString)
    {
        var factory = new ConnectionFactory { Uri = new Uri(connectionString), AutomaticRecoveryEnabled = false };
        var connection = await factory.CreateConnectionAsync();
        return new RawChannel(connection, await connection.CreateChannelAsync());
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Channel.DisposeAsync();
        await connection.DisposeAsync();
    }
}
