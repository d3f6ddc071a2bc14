using DaprK8s.Common.Text;
using DaprK8s.Protos.Runtime.V1;
using DaprK8s.Sidecar.PubSub.Subscriptions;
using DaprK8s.Sidecar.Runtime;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace DaprK8s.Sidecar.Api.Grpc;

/// <summary>Metadata and shutdown over gRPC (contract: operations 6.8, 4.4).</summary>
internal sealed partial class DaprService
{
    public override Task<GetMetadataResponse> GetMetadata(GetMetadataRequest request, ServerCallContext context)
    {
        var response = new GetMetadataResponse
        {
            Id = metadata.Id,
            RuntimeVersion = SidecarInfo.Version,
            ActorRuntime = new ActorRuntime
            {
                RuntimeStatus = ActorRuntime.Types.ActorRuntimeStatus.Disabled,
                Placement = "placement: disconnected",
            },
        };
        response.EnabledFeatures.AddRange(metadata.EnabledFeatures);
        response.ExtendedMetadata.Add(metadata.Extended.ToDictionary());
        response.HttpEndpoints.AddRange(metadata.HttpEndpoints.Select(n => new MetadataHTTPEndpoint { Name = n }));
        response.Resiliencies.AddRange(metadata.Resiliencies.Select(n => new MetadataResiliency { Name = n }));
        foreach (var component in metadata.Components)
        {
            var registered = new RegisteredComponents { Name = component.Name, Type = component.Type, Version = component.Version };
            registered.Capabilities.AddRange(component.Capabilities);
            response.RegisteredComponents.Add(registered);
        }

        foreach (var subscription in subscriptions.List())
        {
            var shown = new PubsubSubscription
            {
                PubsubName = subscription.PubSub,
                Topic = subscription.Topic,
                DeadLetterTopic = subscription.DeadLetterTopic,
                Rules = new PubsubSubscriptionRules(),
                Type = subscription.Origin switch
                {
                    SubscriptionOrigin.Declarative => PubsubSubscriptionType.Declarative,
                    SubscriptionOrigin.Programmatic => PubsubSubscriptionType.Programmatic,
                    _ => PubsubSubscriptionType.Streaming,
                },
            };
            shown.Metadata.Add(subscription.Metadata.ToDictionary());
            shown.Rules.Rules.AddRange(subscription.Rules.Select(r => new PubsubSubscriptionRule { Match = r.Match, Path = r.Path }));
            response.Subscriptions.Add(shown);
        }

        if (metadata.App is { HasApp: true } app)
        {
            response.AppConnectionProperties = Describe(app);
        }

        return Task.FromResult(response);
    }

    public override Task<Empty> SetMetadata(SetMetadataRequest request, ServerCallContext context)
    {
        metadata.Set(request.Key, request.Value);
        return Task.FromResult(new Empty());
    }

    public override Task<Empty> Shutdown(Protos.Runtime.V1.ShutdownRequest request, ServerCallContext context)
    {
        shutdown.FromApi(context.RequestHeaders.GetValue("dapr-force-shutdown"));
        return Task.FromResult(new Empty());
    }

    private static AppConnectionProperties Describe(Flags.AppOptions app)
    {
        var properties = new AppConnectionProperties
        {
            Port = app.Port,
            Protocol = app.Protocol.ToString().ToLowerInvariant(),
            ChannelAddress = app.ChannelAddress,
            MaxConcurrency = Math.Max(0, app.MaxConcurrency),
        };
        if (app.Health is { } health)
        {
            properties.Health = new AppConnectionHealthProperties
            {
                HealthCheckPath = app.IsGrpc ? "" : health.Path,
                HealthProbeInterval = GoDuration.Format(health.Interval),
                HealthProbeTimeout = GoDuration.Format(health.Timeout),
                HealthThreshold = health.Threshold,
            };
        }

        return properties;
    }
}
