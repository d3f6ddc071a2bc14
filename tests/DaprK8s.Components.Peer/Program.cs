// A pub/sub component in a process of its own, so that tests can have it share a broker with them, and kill it.
//   subscribe <type> <topic> <ack|hang> [name=value...]     writes "got <text>" for each message, until it is killed
//   publish <type> <topic> <count> [name=value...]          writes "published <text>" for each message that was taken
using System.Text;
using DaprK8s.Components;
using DaprK8s.Components.Metadata;
using Microsoft.Extensions.Logging.Abstractions;

var (verb, type, topic, option) = (args[0], args[1], args[2], args[3]);
if (!ProviderCatalog.TryFind(type, "v1", out var entry))
{
    throw new ArgumentException($"{type} is not in the catalogue");
}

var metadata = args[4..].Select(a => a.Split('=', 2)).Select(a => KeyValuePair.Create(a[0], a[1]));
var pubsub = (IPubSub)entry.Describe().Create();
await pubsub.InitAsync(
    new ComponentContext
    {
        Name = "peer",
        Type = type,
        Version = "v1",
        Metadata = new ComponentMetadata(metadata),
        Logger = NullLogger.Instance,
    },
    CancellationToken.None);

if (verb == "publish")
{
    for (var i = 0; i < int.Parse(option); i++)
    {
        await pubsub.PublishAsync(new PublishMessage(topic, Encoding.UTF8.GetBytes($"peer{i}")), CancellationToken.None);
        Console.WriteLine($"published peer{i}");
    }

    await pubsub.DisposeAsync();
    return;
}

await pubsub.SubscribeAsync(
    new SubscribeRequest(topic, EmptyMetadata.Instance),
    async (message, _) =>
    {
        Console.WriteLine($"got {Encoding.UTF8.GetString(message.Data.Span)}");
        if (option == "hang")
        {
            await Task.Delay(Timeout.Infinite, CancellationToken.None);
        }

        return Settlement.Ack;
    },
    CancellationToken.None);
Console.WriteLine("subscribed");
await Task.Delay(Timeout.Infinite);
