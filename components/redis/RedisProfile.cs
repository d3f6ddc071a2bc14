using DaprK8s.Common.Text;
using DaprK8s.Components.Metadata;

namespace DaprK8s.Components.Redis;

/// <summary>
/// What a kind of component makes of the shared Redis fields: its retry defaults, the older names it still knows, and the
/// words its errors begin with (contract: components 2.16).
/// </summary>
internal sealed class RedisProfile
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(8);
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(512);

    private RedisProfile(string title, TimeSpan minRetryInterval, TimeSpan maxRetryInterval, bool hasOldNames = false)
    {
        Title = title;
        MaxRetries = Field.Number(
            "redisMaxRetries", "How often a command that did not reach the server is tried again; -1 for never.", 3, -1, int.MaxValue,
            aliases: hasOldNames ? ["maxRetries"] : []);
        MinRetryInterval = RedisFields.Duration(
            "redisMinRetryInterval", "The shortest wait before trying again; -1 for none.", minRetryInterval);
        MaxRetryInterval = RedisFields.Duration(
            "redisMaxRetryInterval", "The longest wait before trying again; -1 for none.", maxRetryInterval);
        OldMinRetryInterval = hasOldNames
            ? Field.Number("maxRetryBackoff", "Older form of redisMinRetryInterval, in nanoseconds.", hasDefault: false)
            : null;
        Fields = [.. RedisFields.Common, MaxRetries, MinRetryInterval, MaxRetryInterval, .. OldMinRetryInterval is null ? [] : new[] { OldMinRetryInterval }];
    }

    /// <summary>State stores.</summary>
    public static RedisProfile State { get; } = new("redis store", TimeSpan.FromSeconds(2), Longest, hasOldNames: true);

    /// <summary>Locks.</summary>
    public static RedisProfile Lock { get; } = new("redis lock", TimeSpan.FromSeconds(2), Longest, hasOldNames: true);

    /// <summary>Pub/sub.</summary>
    public static RedisProfile PubSub { get; } = new("redis streams", Shortest, Longest);

    /// <summary>Configuration stores.</summary>
    public static RedisProfile Configuration { get; } = new("redis configuration store", Shortest, TimeSpan.FromSeconds(2));

    /// <summary>Bindings.</summary>
    public static RedisProfile Binding { get; } = new("redis binding", Shortest, Longest);

    /// <summary>What the errors of this kind of component begin with.</summary>
    public string Title { get; }

    /// <summary>How often to try again.</summary>
    public MetadataField<long> MaxRetries { get; }

    /// <summary>The first wait.</summary>
    public MetadataField<TimeSpan> MinRetryInterval { get; }

    /// <summary>The longest wait.</summary>
    public MetadataField<TimeSpan> MaxRetryInterval { get; }

    /// <summary>All connection fields of this kind of component.</summary>
    public IReadOnlyList<MetadataField> Fields { get; }

    private MetadataField<long>? OldMinRetryInterval { get; }

    /// <summary>Reads the component's metadata.</summary>
    /// <exception cref="ComponentMetadataException">A field is wrong.</exception>
    public RedisSettings Read(ComponentMetadata metadata)
    {
        RefuseTokens(metadata, RedisFields.UseEntraId, "Entra ID");
        RefuseTokens(metadata, RedisFields.UseOidc, "OIDC");
        foreach (var field in RedisFields.Common)
        {
            CheckEvenIfUnused(metadata, field);
        }

        var readTimeout = OrDefault(metadata.Get(RedisFields.ReadTimeout), RedisFields.ReadTimeout.Default);
        var writeTimeout = OrDefault(metadata.Get(RedisFields.WriteTimeout), readTimeout);
        var isInfinite = readTimeout < TimeSpan.Zero || writeTimeout < TimeSpan.Zero;
        return new RedisSettings
        {
            Hosts = RedisHost.ParseList(metadata.Get(RedisFields.Host), (int)metadata.Get(RedisFields.Port)),
            Username = metadata.Get(RedisFields.Username),
            Password = metadata.Get(RedisFields.Password),
            Database = metadata.Get(RedisFields.Type) == "cluster" ? 0 : (int)metadata.Get(RedisFields.Database),
            SentinelMasterName = ReadMasterName(metadata),
            SentinelUsername = metadata.Get(RedisFields.SentinelUsername),
            SentinelPassword = metadata.Get(RedisFields.SentinelPassword),
            MaxRetries = Math.Max(0, (int)metadata.Get(MaxRetries)),
            MinRetryInterval = NotNegative(ReadMinRetryInterval(metadata)),
            MaxRetryInterval = NotNegative(metadata.Get(MaxRetryInterval)),
            DialTimeout = OrDefault(metadata.Get(RedisFields.DialTimeout), RedisFields.DialTimeout.Default),
            ReadTimeout = readTimeout,
            AnswerTimeout = isInfinite ? Timeout.InfiniteTimeSpan : Max(readTimeout, writeTimeout),
            Tls = metadata.Get(RedisFields.EnableTls) ? RedisTls.Read(metadata) : null,
        };
    }

    private static void RefuseTokens(ComponentMetadata metadata, MetadataField<bool> field, string what)
    {
        if (metadata.Get(field))
        {
            throw new ComponentMetadataException(
                field.Name, $"redis client configuration error: logging in with {what} is not available in this build, use redisUsername and redisPassword");
        }
    }

    // A pool size is of no use here, but a typing error in it was an error before and may point at another one.
    private static void CheckEvenIfUnused(ComponentMetadata metadata, MetadataField field)
    {
        if (metadata.Items.TryGetValue(field.Name, out var text) && field.Check(text) is { } problem)
        {
            throw new ComponentMetadataException(field.Name, $"redis client configuration error: decode failed. {problem}");
        }
    }

    private static string ReadMasterName(ComponentMetadata metadata)
    {
        if (!metadata.Get(RedisFields.Failover))
        {
            return "";
        }

        var name = metadata.Get(RedisFields.SentinelMasterName);
        return name.Length > 0
            ? name
            : throw new ComponentMetadataException(RedisFields.SentinelMasterName.Name, "redis client configuration error: failover needs the service's name");
    }

    private TimeSpan ReadMinRetryInterval(ComponentMetadata metadata)
    {
        if (OldMinRetryInterval is null || metadata.Has(MinRetryInterval) || !metadata.Has(OldMinRetryInterval))
        {
            return metadata.Get(MinRetryInterval);
        }

        try
        {
            return TimeSpan.FromTicks(metadata.Get(OldMinRetryInterval) / TimeSpan.NanosecondsPerTick);
        }
        catch (ComponentMetadataException e)
        {
            throw new ComponentMetadataException(OldMinRetryInterval.Name, $"redis store error: can't parse maxRetryBackoff field: {e.Message}");
        }
    }

    private static TimeSpan OrDefault(TimeSpan value, TimeSpan @default) => value == TimeSpan.Zero ? @default : value;

    private static TimeSpan NotNegative(TimeSpan value) => Max(value, TimeSpan.Zero);

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;
}
