using StackExchange.Redis;

namespace DaprK8s.Components.Redis;

/// <summary>The connection settings of one component, checked and typed.</summary>
internal sealed record RedisSettings
{
    // Commands that would make the client open a second connection to every server, which only notifications need.
    private static readonly HashSet<string> NotificationCommands =
        ["SUBSCRIBE", "UNSUBSCRIBE", "PSUBSCRIBE", "PUNSUBSCRIBE", "SSUBSCRIBE", "SUNSUBSCRIBE"];

    public required IReadOnlyList<RedisHost> Hosts { get; init; }

    public required string Username { get; init; }

    public required string Password { get; init; }

    public required int Database { get; init; }

    /// <summary>Empty without Sentinels.</summary>
    public required string SentinelMasterName { get; init; }

    public required string SentinelUsername { get; init; }

    public required string SentinelPassword { get; init; }

    public required int MaxRetries { get; init; }

    public required TimeSpan MinRetryInterval { get; init; }

    public required TimeSpan MaxRetryInterval { get; init; }

    public required TimeSpan DialTimeout { get; init; }

    public required TimeSpan ReadTimeout { get; init; }

    /// <summary>How long a call may take on the wire; <see cref="Timeout.InfiniteTimeSpan"/> for ever.</summary>
    public required TimeSpan AnswerTimeout { get; init; }

    public required RedisTls? Tls { get; init; }

    /// <summary>The component hears keyspace notifications.</summary>
    public bool Notifications { get; init; }

    /// <summary>The servers as they appear in errors.</summary>
    public string HostText => string.Join(',', Hosts);

    /// <summary>The wait before the given try again, counted from 0: it doubles, with jitter, between the two intervals.</summary>
    public TimeSpan RetryWait(int attempt)
    {
        var wait = MinRetryInterval * (1 << Math.Min(attempt, 16)) * (1 + Random.Shared.NextDouble());
        return wait < MaxRetryInterval ? wait : MaxRetryInterval;
    }

    /// <summary>The client library's form.</summary>
    public ConfigurationOptions ToOptions()
    {
        var options = new ConfigurationOptions
        {
            // A server that is down fails the start; a connection that was there once is made again for ever.
            AbortOnConnectFail = true,
            ConnectRetry = 1,
            ReconnectRetryPolicy = new RedisReconnects(),
            BacklogPolicy = BacklogPolicy.FailFast,
            ConnectTimeout = Milliseconds(DialTimeout),
            SyncTimeout = Milliseconds(AnswerTimeout),
            AsyncTimeout = Milliseconds(AnswerTimeout),
            DefaultDatabase = Database,

            // Reply shapes are the same on all servers since 5; CLIENT counts as an admin command.
            Protocol = RedisProtocol.Resp2,
            AllowAdmin = true,
            SetClientLibrary = false,
            IncludeDetailInExceptions = false,
            ConfigurationChannel = "",
            TieBreaker = "",
        };
        foreach (var host in Hosts)
        {
            options.EndPoints.Add(host.Name, host.Port);
        }

        if (!Notifications)
        {
            options.CommandMap = CommandMap.Create(NotificationCommands, available: false);
        }

        options.User = NullIfEmpty(Username);
        options.Password = NullIfEmpty(Password);
        if (SentinelMasterName.Length > 0)
        {
            // An empty text keeps the server's credentials from being shown to Sentinels that want none.
            options.ServiceName = SentinelMasterName;
            options.SentinelUser = SentinelUsername;
            options.SentinelPassword = SentinelPassword;
        }

        Tls?.ApplyTo(options);
        return options;
    }

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;

    private static int Milliseconds(TimeSpan time)
        => time < TimeSpan.Zero ? int.MaxValue : (int)Math.Clamp(time.TotalMilliseconds, 1, int.MaxValue);
}
