using DaprK8s.Protos.Runtime.V1;
using Google.Protobuf.Collections;
using Grpc.Core;

namespace DaprK8s.Sidecar.Api.Grpc;

/// <content>The secrets API over gRPC (contract: api 2.5).</content>
internal sealed partial class DaprService
{
    public override async Task<GetSecretResponse> GetSecret(GetSecretRequest request, ServerCallContext context)
    {
        var secret = await secrets.GetAsync(request.StoreName, request.Key, MetadataOf(request.Metadata), context.CancellationToken);
        var response = new GetSecretResponse();
        Copy(secret, response.Data);
        return response;
    }

    public override async Task<GetBulkSecretResponse> GetBulkSecret(GetBulkSecretRequest request, ServerCallContext context)
    {
        var all = await secrets.BulkGetAsync(request.StoreName, MetadataOf(request.Metadata), context.CancellationToken);
        var response = new GetBulkSecretResponse();
        foreach (var (name, secret) in all)
        {
            var entry = new SecretResponse();
            Copy(secret, entry.Secrets);
            response.Data.Add(name, entry);
        }

        return response;
    }

    private static void Copy(IReadOnlyDictionary<string, string> from, MapField<string, string> to)
    {
        foreach (var (key, value) in from)
        {
            to.Add(key, value);
        }
    }
}
