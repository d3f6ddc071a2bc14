using DaprK8s.Sidecar.ConfigurationApi;
using DaprK8s.Sidecar.Invocation;
using DaprK8s.Sidecar.PubSub;
using DaprK8s.Sidecar.PubSub.Subscriptions;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Secrets;
using DaprK8s.Sidecar.State;

namespace DaprK8s.Sidecar.Api.Grpc;

/// <summary>
/// The gRPC surface, service <c>dapr.proto.runtime.v1.Dapr</c>: translation between messages and the building blocks' typed
/// requests, a file a block. A <see cref="Errors.DaprException"/> becomes its status in
/// <see cref="GrpcServer.GrpcMethods"/>.
/// </summary>
internal sealed partial class DaprService(
    StateBlock state,
    SecretsBlock secrets,
    PubSubBlock pubsub,
    SubscriptionStreams streams,
    Invoker invoker,
    SidecarMetadata metadata,
    SubscriptionCatalog subscriptions,
    Shutdown shutdown,
    ConfigurationBlock configuration)
    : DaprK8s.Protos.Runtime.V1.Dapr.DaprBase
{
}
