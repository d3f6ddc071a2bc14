namespace DaprK8s.Components.State.Redis;

/// <summary>
/// The one script behind every write (contract: components 3.8). It runs alone in the server: first it walks through all
/// operations and checks each against what its key will hold by then; only if none objects does it apply them. The stored
/// hash has <c>data</c>, <c>version</c> (the ETag, counting writes) and, once written with first-write, <c>first-write</c>.
/// </summary>
internal static class RedisStateScript
{
    /// <summary>Arguments of one operation; each operation has a key of its own, repeated when keys repeat.</summary>
    public const int ArgumentsPerOperation = 5;

    /// <summary>The first argument of a write; the others are the expected version (0 for none), the value, the first-write mark and the TTL.</summary>
    public const string Set = "set";

    /// <summary>The first argument of a delete; the second is the expected version (0 for none).</summary>
    public const string Delete = "delete";

    /// <summary>The first argument of an assertion; the second is the expected version (empty: the key must not exist).</summary>
    public const string Assert = "assert";

    /// <summary>The fourth argument of a write with first-write.</summary>
    public const string Marked = "1";

    /// <summary>The fifth argument of a write that leaves the TTL as it is.</summary>
    public const string KeepTtl = "";

    /// <summary>The reply when all was applied; otherwise it is the number, from 1, of the operation that objected.</summary>
    public const long Applied = 0;

    /// <summary>The script.</summary>
    public const string Text = """
        local items = {}

        local function item_of(key)
          local item = items[key]
          if item then
            return item
          end
          item = { version = false, marked = false, exists = false, foreign = false }
          local held = redis.pcall('HMGET', key, 'version', 'first-write')
          if not held.err then
            item.version = held[1] ~= '' and held[1]
            item.marked = held[2]
            item.exists = item.version or redis.call('EXISTS', key) == 1
          elseif string.find(held.err, 'WRONGTYPE', 1, true) then
            item.exists = true
            item.foreign = true
          else
            return nil, held
          end
          items[key] = item
          return item
        end

        for i, key in ipairs(KEYS) do
          local at = (i - 1) * 5
          local kind, expected = ARGV[at + 1], ARGV[at + 2]
          local item, failure = item_of(key)
          if failure then
            return failure
          end
          if kind == 'set' then
            if item.version and item.version ~= expected and (expected ~= '0' or item.marked) then
              return i
            end
            if item.version and not string.match(item.version, '^-?%d+$') then
              return redis.error_reply('ERR the version of ' .. key .. ' is not a number')
            end
            item.version = string.format('%.0f', (item.version or 0) + 1)
            item.marked = item.marked or ARGV[at + 4] == '1'
            item.exists = true
          elseif kind == 'delete' then
            if item.version and item.version ~= expected and expected ~= '0' then
              return i
            end
            item.version, item.marked, item.exists = false, false, false
          else
            if expected == '' then
              if item.exists then
                return i
              end
            elseif item.version ~= expected then
              return i
            end
          end
        end

        for i, key in ipairs(KEYS) do
          local at = (i - 1) * 5
          local kind, ttl = ARGV[at + 1], ARGV[at + 5]
          if kind == 'set' then
            if items[key].foreign then
              redis.call('DEL', key)
              items[key].foreign = false
            end
            redis.call('HSET', key, 'data', ARGV[at + 3])
            if ARGV[at + 4] == '1' then
              redis.call('HSET', key, 'first-write', 0)
            end
            redis.call('HINCRBY', key, 'version', 1)
            if ttl ~= '' then
              if tonumber(ttl) > 0 then
                redis.call('EXPIRE', key, ttl)
              else
                redis.call('PERSIST', key)
              end
            end
          elseif kind == 'delete' then
            redis.call('DEL', key)
            items[key].foreign = false
          end
        end
        return 0
        """;
}
