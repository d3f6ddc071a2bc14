using DaprK8s.Protos.Runtime.V1;
using DaprK8s.Common.GrpcServer;
using Grpc.Core;
using Grpc.Reflection;
using V1 = Grpc.Reflection.V1;
using V1Alpha = Grpc.Reflection.V1Alpha;

namespace DaprK8s.Sidecar.Api.Grpc;

/// <summary>The table of what is served on the gRPC API.</summary>
internal sealed partial class DaprService
{
    private const string Service = "dapr.proto.runtime.v1.Dapr";

    /// <summary>Enters every method that a building block serves; the others of the service answer UNIMPLEMENTED.</summary>
    public void AddTo(GrpcMethods methods)
    {
        methods.Unary(Service, nameof(InvokeService), InvokeServiceRequest.Parser, InvokeService);
        methods.Unary(Service, nameof(GetState), GetStateRequest.Parser, GetState);
        methods.Unary(Service, nameof(GetBulkState), GetBulkStateRequest.Parser, GetBulkState);
        methods.Unary(Service, nameof(SaveState), SaveStateRequest.Parser, SaveState);
        methods.Unary(Service, nameof(DeleteState), DeleteStateRequest.Parser, DeleteState);
        methods.Unary(Service, nameof(DeleteBulkState), DeleteBulkStateRequest.Parser, DeleteBulkState);
        methods.Unary(Service, nameof(ExecuteStateTransaction), ExecuteStateTransactionRequest.Parser, ExecuteStateTransaction);
        methods.Unary(Service, nameof(QueryStateAlpha1), QueryStateRequest.Parser, QueryStateAlpha1);
        methods.Unary(Service, nameof(PublishEvent), PublishEventRequest.Parser, PublishEvent);
        methods.Duplex<SubscribeTopicEventsRequestAlpha1, SubscribeTopicEventsResponseAlpha1>(
            Service, nameof(SubscribeTopicEventsAlpha1), SubscribeTopicEventsRequestAlpha1.Parser, SubscribeTopicEventsAlpha1);
        methods.Unary(Service, nameof(GetSecret), GetSecretRequest.Parser, GetSecret);
        methods.Unary(Service, nameof(GetBulkSecret), GetBulkSecretRequest.Parser, GetBulkSecret);
        methods.Unary(Service, nameof(GetMetadata), GetMetadataRequest.Parser, GetMetadata);
        methods.Unary(Service, nameof(SetMetadata), SetMetadataRequest.Parser, SetMetadata);
        methods.Unary(Service, nameof(Shutdown), Protos.Runtime.V1.ShutdownRequest.Parser, Shutdown);
        AddConfiguration(methods);
        AddAbsent(methods);
        AddReflection(methods);
    }

    // Descriptors are large; they are loaded when somebody asks for them.
    private static void AddReflection(GrpcMethods methods)
    {
        var v1 = new Lazy<ReflectionV1ServiceImpl>(() => new ReflectionV1ServiceImpl(DaprK8s.Protos.Runtime.V1.Dapr.Descriptor));
        var alpha = new Lazy<ReflectionServiceImpl>(() => new ReflectionServiceImpl(DaprK8s.Protos.Runtime.V1.Dapr.Descriptor));
        methods.Duplex<V1.ServerReflectionRequest, V1.ServerReflectionResponse>(
            "grpc.reflection.v1.ServerReflection", "ServerReflectionInfo", V1.ServerReflectionRequest.Parser,
            (requests, responses, context) => v1.Value.ServerReflectionInfo(requests, responses, context));
        methods.Duplex<V1Alpha.ServerReflectionRequest, V1Alpha.ServerReflectionResponse>(
            "grpc.reflection.v1alpha.ServerReflection", "ServerReflectionInfo", V1Alpha.ServerReflectionRequest.Parser,
            (requests, responses, context) => alpha.Value.ServerReflectionInfo(requests, responses, context));
    }
}
