using System.Text.Json;
using System.Text.Json.Serialization;
using DaprK8s.Common.Hosting;
using DaprK8s.Common.Resources;
using DaprK8s.Protos.Runtime.V1;
using DaprK8s.Sidecar.App;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Tracing;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using SubscriptionRule = DaprK8s.Common.Resources.SubscriptionRule;

namespace DaprK8s.Sidecar.PubSub.Subscriptions;

/// <summary>Asks the app what it wants to be subscribed to (contract: messaging 2.1, 2.2; api 3.5).</summary>
internal sealed class SubscriptionDiscovery(IAppChannel app, SubscriptionReader reader, SidecarInfo self, TimeProvider time, ILogger logger)
{
    private const int MaxRetries = 3;
    private static readonly TimeSpan RetryLimit = TimeSpan.FromSeconds(10);

    /// <summary>Asks once, with the retries of initialisation.</summary>
    /// <returns>What the app wants; <see langword="null"/> when it gave no answer that can be understood, which is logged.</returns>
    public async Task<IReadOnlyList<SubscriptionDefinition>?> AskAsync(CancellationToken cancellationToken)
    {
        var backOff = new BackOff(TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(1));
        var started = time.GetTimestamp();
        for (var retries = 0; ; retries++)
        {
            string failure;
            try
            {
                return app.Http is { } http ? await AskHttpAsync(http, cancellationToken)
                    : app.Grpc is { } grpc ? await AskGrpcAsync(grpc, cancellationToken)
                    : [];
            }
            catch (JsonException e)
            {
                Warn($"error getting topics from app: {e.Message}");
                return null;
            }
            catch (HttpRequestException e)
            {
                failure = e.Message;
            }
            catch (RpcException e)
            {
                failure = e.Status.ToString();
            }
            catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
            {
                failure = e.Message;
            }

            cancellationToken.ThrowIfCancellationRequested();

            var wait = backOff.Next();
            if (retries == MaxRetries || time.GetElapsedTime(started) + wait > RetryLimit)
            {
                Warn(failure);
                return null;
            }

            await Task.Delay(wait, time, cancellationToken);
        }
    }

    private void Warn(string problem) => logger.LogWarning("failed to subscribe to topics: {Problem}", problem);

    private async Task<IReadOnlyList<SubscriptionDefinition>> AskHttpAsync(IHttpAppChannel http, CancellationToken cancellationToken)
    {
        var call = new AppCall("/dapr/subscribe", default, "application/json")
        {
            Method = HttpMethod.Get,
            Headers = new Dictionary<string, string> { ["dapr-app-id"] = self.AppId },
            Trace = TraceContext.None,
        };
        var answer = await http.SendAsync(call, cancellationToken);
        if (answer.Status != 200)
        {
            if (answer.Status != 404)
            {
                logger.LogError("app returned http status code {Status} from subscription endpoint", answer.Status);
            }

            return [];
        }

        if (answer.Body.IsEmpty)
        {
            return [];
        }

        var entries = JsonSerializer.Deserialize(answer.Body.Span, SubscribeJson.Default.ListSubscriptionSpec) ?? [];
        return Read(entries, pathWithoutRoutes: null);
    }

    private async Task<IReadOnlyList<SubscriptionDefinition>> AskGrpcAsync(IGrpcAppChannel grpc, CancellationToken cancellationToken)
    {
        try
        {
            var answer = await grpc.CallAsync(
                AppCallbackMethods.ListTopicSubscriptions, new Empty(), TraceContext.None, Components.EmptyMetadata.Instance, cancellationToken);
            return Read([.. answer.Subscriptions.Select(ToSpec)], pathWithoutRoutes: "");
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Unimplemented)
        {
            return [];
        }
    }

    private List<SubscriptionDefinition> Read(List<SubscriptionSpec> entries, string? pathWithoutRoutes)
    {
        List<SubscriptionDefinition> definitions = [];
        foreach (var entry in entries)
        {
            var name = $"the app's subscription to topic '{entry?.Topic}' on pubsub '{entry?.Pubsubname}'";
            if (entry is not null && reader.Read(entry, SubscriptionOrigin.Programmatic, name, pathWithoutRoutes) is { } definition)
            {
                definitions.Add(definition);
            }
        }

        return definitions;
    }

    private static SubscriptionSpec ToSpec(TopicSubscription entry)
        => new()
        {
            Pubsubname = entry.PubsubName,
            Topic = entry.Topic,
            Metadata = new Dictionary<string, string>(entry.Metadata),
            DeadLetterTopic = entry.DeadLetterTopic,
            Routes = entry.Routes is null ? null : new SubscriptionRoutes
            {
                Rules = [.. entry.Routes.Rules.Select(r => new SubscriptionRule { Match = r.Match, Path = r.Path })],
                Default = entry.Routes.Default,
            },
            BulkSubscribe = entry.BulkSubscribe is null ? null : new BulkSubscribe { Enabled = entry.BulkSubscribe.Enabled },
        };
}

/// <summary>Reads the app's answer; names without regard to case, as the SDKs differ in them.</summary>
[JsonSourceGenerationOptions(
    PropertyNameCaseInsensitive = true,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    NumberHandling = JsonNumberHandling.AllowReadingFromString)]
[JsonSerializable(typeof(List<SubscriptionSpec>))]
internal sealed partial class SubscribeJson : JsonSerializerContext;
