using DaprK8s.Common.Text;
using DaprK8s.Components.Metadata;

namespace DaprK8s.Components.Redis;

/// <summary>
/// The metadata fields of a Redis connection (contract: components 2.16 and 3.8), shared by every Redis component. Unlike
/// elsewhere, an empty text in a numeric or boolean field is an error and a bare number of a duration counts milliseconds.
/// </summary>
internal static class RedisFields
{
    private const string NoEffect = " Accepted without effect: all calls of a component share one multiplexed connection.";

    public static readonly MetadataField<string> Host = Field.Text(
        "redisHost", "host:port of the server; a comma list of them for a cluster or for Sentinels.", required: true);

    public static readonly MetadataField<long> Port = Field.Number(
        "redisPort", "The port of hosts that name none; 6379 when absent.", 0, 0, ushort.MaxValue, hasDefault: false);

    public static readonly MetadataField<string> Username = Field.Text("redisUsername", "The ACL user; the default user when empty.");

    public static readonly MetadataField<string> Password = Field.Text("redisPassword", "The user's password.", sensitive: true);

    public static readonly MetadataField<long> Database = Field.Number("redisDB", "The database's number; a cluster has only 0.", 0, 0, int.MaxValue);

    public static readonly MetadataField<string> Type = Field.Choice(
        "redisType", "node or cluster; Sentinels are chosen by failover.", "node", "node", "cluster", "sentinel");

    public static readonly MetadataField<bool> Failover = Field.StrictBool("failover", "redisHost names Sentinels, which know the server.");

    public static readonly MetadataField<string> SentinelMasterName = Field.Text("sentinelMasterName", "The service's name at the Sentinels.");

    public static readonly MetadataField<string> SentinelUsername = Field.Text("sentinelUsername", "The ACL user at the Sentinels.");

    public static readonly MetadataField<string> SentinelPassword = Field.Text(
        "sentinelPassword", "The password at the Sentinels.", sensitive: true);

    public static readonly MetadataField<TimeSpan> DialTimeout = Duration(
        "dialTimeout", "How long connecting may take.", TimeSpan.FromSeconds(5));

    public static readonly MetadataField<TimeSpan> ReadTimeout = Duration(
        "readTimeout", "How long an answer may take.", TimeSpan.FromSeconds(3));

    public static readonly MetadataField<TimeSpan> WriteTimeout = Duration(
        "writeTimeout", "How long sending may take; as readTimeout when absent. The longer of the two counts for the whole call.", TimeSpan.Zero);

    public static readonly MetadataField<long> PoolSize = Field.Number("poolSize", "The most connections." + NoEffect, hasDefault: false);

    public static readonly MetadataField<TimeSpan> PoolTimeout = Duration(
        "poolTimeout", "How long to wait for a connection." + NoEffect, TimeSpan.Zero);

    public static readonly MetadataField<TimeSpan> MaxConnAge = Duration(
        "maxConnAge", "The age at which connections are closed." + NoEffect, TimeSpan.Zero);

    public static readonly MetadataField<long> MinIdleConns = Field.Number("minIdleConns", "Connections to keep idle." + NoEffect);

    public static readonly MetadataField<TimeSpan> IdleCheckFrequency = Duration(
        "idleCheckFrequency", "How often to look for idle connections." + NoEffect, TimeSpan.FromMinutes(1));

    public static readonly MetadataField<TimeSpan> IdleTimeout = Duration(
        "idleTimeout", "When to close an idle connection." + NoEffect, TimeSpan.FromMinutes(5));

    public static readonly MetadataField<bool> EnableTls = Field.StrictBool("enableTLS", "Connect with TLS.");

    public static readonly MetadataField<bool> InsecureSkipTlsVerify = Field.StrictBool(
        "insecureSkipTLSVerify", "Trust any server certificate; for tests only.");

    public static readonly MetadataField<string> ClientCert = Field.Text("clientCert", "PEM certificate that the client shows; needs clientKey.");

    public static readonly MetadataField<string> ClientKey = Field.Text("clientKey", "PEM private key of clientCert.", sensitive: true);

    public static readonly MetadataField<bool> UseEntraId = Field.StrictBool(
        "useEntraID", "Log in with a Microsoft Entra ID token. Not available in this build.", aliases: "useAzureAD");

    public static readonly MetadataField<bool> UseOidc = Field.StrictBool(
        "useOIDC", "Log in with a token of an OIDC provider. Not available in this build.");

    /// <summary>The fields that are the same for every kind of component.</summary>
    public static IReadOnlyList<MetadataField> Common { get; } =
    [
        Host, Port, Username, Password, Database, Type, Failover, SentinelMasterName, SentinelUsername, SentinelPassword,
        DialTimeout, ReadTimeout, WriteTimeout, PoolSize, PoolTimeout, MaxConnAge, MinIdleConns, IdleCheckFrequency, IdleTimeout,
        EnableTls, InsecureSkipTlsVerify, ClientCert, ClientKey, UseEntraId, UseOidc,
    ];

    /// <summary>A duration whose bare numbers are milliseconds; -1 is <see cref="Timeout.InfiniteTimeSpan"/>.</summary>
    public static MetadataField<TimeSpan> Duration(string name, string description, TimeSpan @default)
        => new(name, "duration", description, @default, @default == TimeSpan.Zero ? null : GoDuration.Format(@default),
            "a duration such as 500ms (a bare number counts milliseconds)",
            static (string t, out TimeSpan v) => GoDuration.TryParse(t, TimeSpan.FromMilliseconds(1), out v))
        { BareUnit = TimeSpan.FromMilliseconds(1) };
}
