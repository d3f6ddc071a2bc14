using DaprK8s.Protos.Runtime.V1;
using DaprK8s.Sidecar.Errors;
using DaprK8s.Common.GrpcServer;

namespace DaprK8s.Sidecar.Api.Grpc;

/// <summary>
/// The methods of building blocks that this version lacks and for which the reference has words for "nothing is configured". The
/// remaining methods of the service answer UNIMPLEMENTED.
/// </summary>
internal sealed partial class DaprService
{
    private static void AddAbsent(GrpcMethods methods)
    {
        methods.Unary<InvokeBindingRequest, InvokeBindingResponse>(
            Service, "InvokeBinding", InvokeBindingRequest.Parser, (r, _) => throw AbsentErrors.Binding(r.Name).ToException());
        methods.Unary<ConversationRequest, ConversationResponse>(
            Service, "ConverseAlpha1", ConversationRequest.Parser, (r, _) => throw AbsentErrors.Conversation(r.Name).ToException());
        methods.Unary<ConversationRequestAlpha2, ConversationResponseAlpha2>(
            Service, "ConverseAlpha2", ConversationRequestAlpha2.Parser, (r, _) => throw AbsentErrors.Conversation(r.Name).ToException());
        methods.Unary<TryLockRequest, TryLockResponse>(
            Service, "TryLockAlpha1", TryLockRequest.Parser, (_, _) => throw AbsentErrors.Lock().ToException());
        methods.Unary<UnlockRequest, UnlockResponse>(
            Service, "UnlockAlpha1", UnlockRequest.Parser, (_, _) => throw AbsentErrors.Lock().ToException());
        methods.Unary<InvokeActorRequest, InvokeActorResponse>(
            Service, "InvokeActor", InvokeActorRequest.Parser, (_, _) => throw AbsentErrors.Actors().ToException());
    }
}
