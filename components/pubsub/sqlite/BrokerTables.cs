using Microsoft.Data.Sqlite;

namespace DaprK8s.Components.PubSub.Sqlite;

/// <summary>A message as it is claimed from the file.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Attempt">The how-manyth delivery to the group this is, from 1.</param>
/// <param name="Message">The message.</param>
internal sealed record StoredMessage(long Id, int Attempt, BrokerMessage Message);

/// <summary>
/// The statements on the broker's file, each prepared once. Times are Unix milliseconds. Not for concurrent use.
/// </summary>
internal sealed class BrokerTables : IDisposable
{
    private readonly SqliteConnection connection;
    private readonly List<SqliteCommand> commands = [];

    // Who claims: this instance.
    private readonly long owner = Random.Shared.NextInt64();

    private readonly SqliteCommand begin;
    private readonly SqliteCommand commit;
    private readonly SqliteCommand rollback;
    private readonly SqliteCommand dataVersion;
    private readonly SqliteCommand insert;
    private readonly SqliteCommand openGroup;
    private readonly SqliteCommand hasWork;
    private readonly SqliteCommand nextDue;
    private readonly SqliteCommand claimDue;
    private readonly SqliteCommand read;
    private readonly SqliteCommand readNew;
    private readonly SqliteCommand claimNew;
    private readonly SqliteCommand advance;
    private readonly SqliteCommand settle;
    private readonly SqliteCommand release;
    private readonly SqliteCommand renew;
    private readonly SqliteCommand sweepTopic;
    private readonly SqliteCommand[] sweep;

    public BrokerTables(SqliteConnection connection)
    {
        this.connection = connection;
        begin = Prepare("BEGIN IMMEDIATE");
        commit = Prepare("COMMIT");
        rollback = Prepare("ROLLBACK");
        dataVersion = Prepare("PRAGMA data_version");
        insert = Prepare(
            """
            INSERT INTO pubsub_message (topic, published_at, expires_at, content_type, metadata, data)
            SELECT $topic, $now, $expires, $type, $metadata, $data WHERE EXISTS (SELECT 1 FROM pubsub_group WHERE topic = $topic)
            """,
            "$topic", "$now", "$expires", "$type", "$metadata", "$data");
        openGroup = Prepare(
            """
            INSERT INTO pubsub_group (topic, name, position, seen_at)
            VALUES ($topic, $name, (SELECT COALESCE(MAX(id), 0) FROM pubsub_message), $now)
            ON CONFLICT (topic, name) DO UPDATE SET seen_at = $now RETURNING id
            """,
            "$topic", "$name", "$now");
        hasWork = Prepare(
            """
            SELECT EXISTS (SELECT 1 FROM pubsub_message WHERE topic = $topic AND id > (SELECT position FROM pubsub_group WHERE id = $group))
              OR EXISTS (SELECT 1 FROM pubsub_claim WHERE group_id = $group AND visible_at <= $now AND owner IS NOT $owner)
            """,
            "$group", "$topic", "$now", "$owner");
        nextDue = Prepare("SELECT MIN(visible_at) FROM pubsub_claim WHERE group_id = $group AND owner IS NOT $owner", "$group", "$owner");
        claimDue = Prepare(
            """
            UPDATE pubsub_claim SET owner = $owner, visible_at = $until, attempts = attempts + 1
            WHERE group_id = $group AND message_id IN (
              SELECT message_id FROM pubsub_claim
              WHERE group_id = $group AND visible_at <= $now AND owner IS NOT $owner ORDER BY message_id LIMIT $count)
            RETURNING message_id, attempts
            """,
            "$group", "$owner", "$now", "$until", "$count");
        read = Prepare("SELECT id, expires_at, content_type, metadata, data FROM pubsub_message WHERE id = $id", "$id");
        readNew = Prepare(
            """
            SELECT id, expires_at, content_type, metadata, data FROM pubsub_message
            WHERE topic = $topic AND id > (SELECT position FROM pubsub_group WHERE id = $group) ORDER BY id LIMIT $count
            """,
            "$group", "$topic", "$count");
        claimNew = Prepare(
            "INSERT INTO pubsub_claim (group_id, message_id, visible_at, attempts, owner) VALUES ($group, $id, $until, 1, $owner)",
            "$group", "$id", "$until", "$owner");
        advance = Prepare("UPDATE pubsub_group SET position = $id WHERE id = $group", "$group", "$id");
        settle = Prepare("DELETE FROM pubsub_claim WHERE group_id = $group AND message_id = $id", "$group", "$id");
        release = Prepare(
            """
            UPDATE pubsub_claim SET owner = NULL, visible_at = $at, attempts = $attempts
            WHERE group_id = $group AND message_id = $id AND owner = $owner
            """,
            "$group", "$id", "$at", "$attempts", "$owner");
        renew = Prepare("UPDATE pubsub_claim SET visible_at = $until WHERE owner = $owner", "$until", "$owner");
        sweepTopic = Prepare(
            """
            DELETE FROM pubsub_message WHERE topic = $topic
              AND id <= (SELECT MIN(position) FROM pubsub_group WHERE topic = $topic)
              AND id NOT IN (SELECT c.message_id FROM pubsub_claim c JOIN pubsub_group g ON g.id = c.group_id WHERE g.topic = $topic)
            """,
            "$topic");
        sweep =
        [
            Prepare("DELETE FROM pubsub_group WHERE seen_at <= $oldest", "$oldest"),
            Prepare("DELETE FROM pubsub_message WHERE published_at <= $oldest OR topic NOT IN (SELECT topic FROM pubsub_group)", "$oldest"),
            Prepare("DELETE FROM pubsub_message WHERE expires_at <= $now", "$now"),
            Prepare(
                """
                DELETE FROM pubsub_message WHERE id NOT IN (SELECT message_id FROM pubsub_claim) AND id IN (
                  SELECT m.id FROM (SELECT topic, MIN(position) AS low FROM pubsub_group GROUP BY topic) g
                  JOIN pubsub_message m ON m.topic = g.topic AND m.id <= g.low)
                """),
            Prepare(
                """
                DELETE FROM pubsub_claim
                WHERE group_id NOT IN (SELECT id FROM pubsub_group) OR message_id NOT IN (SELECT id FROM pubsub_message)
                """),
        ];
    }

    public void Begin() => begin.ExecuteNonQuery();

    public void Commit() => commit.ExecuteNonQuery();

    /// <summary>Takes the transaction back, unless a failed commit did so already.</summary>
    public void Rollback()
    {
        if (SQLitePCL.raw.sqlite3_get_autocommit(connection.Handle) == 0)
        {
            rollback.ExecuteNonQuery();
        }
    }

    /// <summary>A number that changes whenever another connection has committed.</summary>
    public long DataVersion() => (long)dataVersion.ExecuteScalar()!;

    /// <summary>Stores a message, unless no group has subscribed its topic.</summary>
    public void Insert(PublishCommand message, long now)
        => Run(insert, message.Topic, now, message.ExpiresAt, message.ContentType, message.Metadata, message.Data);

    /// <summary>The number of a group; a new one gets what is published from now on.</summary>
    public long OpenGroup(string topic, string name, long now) => (long)Bind(openGroup, topic, name, now).ExecuteScalar()!;

    /// <summary>Whether there is something to claim.</summary>
    public bool HasWork(long group, string topic, long now) => (long)Bind(hasWork, group, topic, now, owner).ExecuteScalar()! != 0;

    /// <summary>When the next message of the group comes back from another attempt or another instance's claim.</summary>
    public long? NextDue(long group) => Bind(nextDue, group, owner).ExecuteScalar() as long?;

    /// <summary>Claims messages that wait for another attempt, or whose claim another instance let run out.</summary>
    public void ClaimDue(long group, string topic, int count, long now, long until, List<StoredMessage> claimed)
    {
        List<(long Id, int Attempt)> due = [];
        using (var reader = Bind(claimDue, group, owner, now, until, count).ExecuteReader())
        {
            while (reader.Read())
            {
                due.Add((reader.GetInt64(0), reader.GetInt32(1)));
            }
        }

        foreach (var (id, attempt) in due.OrderBy(d => d.Id))
        {
            if (ReadOne(id, attempt, topic, now) is { } message)
            {
                claimed.Add(message);
            }
            else
            {
                Settle(group, id); // Swept away or expired meanwhile.
            }
        }
    }

    /// <summary>Claims messages that the group has not seen yet.</summary>
    /// <returns>Whether there may be more.</returns>
    public bool ClaimNew(long group, string topic, int count, long now, long until, List<StoredMessage> claimed)
    {
        var first = claimed.Count;
        var (rows, last) = (0, 0L);
        using (var reader = Bind(readNew, group, topic, count).ExecuteReader())
        {
            while (reader.Read())
            {
                rows++;
                last = reader.GetInt64(0);
                if (ReadRow(reader, 1, topic, now) is { } message)
                {
                    claimed.Add(message);
                }
            }
        }

        if (rows == 0)
        {
            return false;
        }

        for (var i = first; i < claimed.Count; i++)
        {
            Run(claimNew, group, claimed[i].Id, until, owner);
        }

        Run(advance, group, last);
        return rows == count;
    }

    /// <summary>The group is done with a message, even when another consumer was given it meanwhile.</summary>
    public void Settle(long group, long id) => Run(settle, group, id);

    /// <summary>Gives a claim up, if it is still this instance's.</summary>
    public void Release(long group, long id, int attempts, long visibleAt) => Run(release, group, id, visibleAt, attempts, owner);

    /// <summary>Prolongs all claims of this instance.</summary>
    public void Renew(long until) => Run(renew, until, owner);

    /// <summary>Deletes the messages of a topic that every group is done with.</summary>
    public void SweepTopic(string topic) => Run(sweepTopic, topic);

    /// <summary>Deletes what is expired, too old or done, and what that leaves behind.</summary>
    public void Sweep(long now, long oldest)
    {
        Run(sweep[0], oldest);
        Run(sweep[1], oldest);
        Run(sweep[2], now);
        Run(sweep[3]);
        Run(sweep[4]);
    }

    public void Dispose()
    {
        foreach (var command in commands)
        {
            command.Dispose();
        }

        connection.Dispose();
    }

    private StoredMessage? ReadOne(long id, int attempt, string topic, long now)
    {
        using var reader = Bind(read, id).ExecuteReader();
        return reader.Read() ? ReadRow(reader, attempt, topic, now) : null;
    }

    private static StoredMessage? ReadRow(SqliteDataReader reader, int attempt, string topic, long now)
    {
        if (!reader.IsDBNull(1) && reader.GetInt64(1) <= now)
        {
            return null;
        }

        return new StoredMessage(reader.GetInt64(0), attempt, new BrokerMessage(topic, reader.GetFieldValue<byte[]>(4))
        {
            ContentType = reader.IsDBNull(2) ? null : reader.GetString(2),
            Metadata = reader.IsDBNull(3) ? EmptyMetadata.Instance : MetadataText.Read(reader.GetString(3)),
        });
    }

    private static void Run(SqliteCommand command, params ReadOnlySpan<object?> values) => Bind(command, values).ExecuteNonQuery();

    private static SqliteCommand Bind(SqliteCommand command, params ReadOnlySpan<object?> values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            command.Parameters[i].Value = values[i] ?? DBNull.Value;
        }

        return command;
    }

    private SqliteCommand Prepare(string sql, params string[] parameters)
    {
        var command = new SqliteCommand(sql, connection);
        foreach (var name in parameters)
        {
            command.Parameters.Add(new SqliteParameter(name, DBNull.Value));
        }

        commands.Add(command);
        return command;
    }
}
