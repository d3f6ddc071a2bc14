using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;

namespace DaprK8s.Sidecar.Errors;

/// <summary>Turns a <see cref="DaprError"/> into a gRPC status with its details (contract: api 2.4).</summary>
internal static class GrpcErrorWriter
{
    /// <summary>The trailer that carries <c>google.rpc.Status</c>.</summary>
    public const string DetailsTrailer = "grpc-status-details-bin";

    private const string Domain = "dapr.io";

    public static RpcException ToRpcException(DaprError error)
    {
        var status = new Grpc.Core.Status(error.Grpc, error.Message);
        var reason = error.Reason ?? (error.HasGrpcErrorInfo ? error.Code : null);
        if (reason is null)
        {
            return new RpcException(status);
        }

        var details = new Google.Rpc.Status { Code = (int)error.Grpc, Message = error.Message };
        var info = new ErrorInfo { Reason = reason, Domain = Domain };
        if (error.Metadata is not null && !error.IsMetadataHttpOnly)
        {
            info.Metadata.Add(error.Metadata.ToDictionary());
        }

        details.Details.Add(Any.Pack(info));
        AddOthers(details, error);
        return new RpcException(status, new Metadata { { DetailsTrailer, details.ToByteArray() } });
    }

    /// <summary>A status with one ErrorInfo whose metadata tells an HTTP code (tokens, access list, HTTP apps; contract: api 1.4.10).</summary>
    public static RpcException FromHttp(StatusCode code, int http, string text, string detail)
    {
        var info = new ErrorInfo { Reason = text, Domain = Domain };
        info.Metadata.Add("http.code", http.ToString(System.Globalization.CultureInfo.InvariantCulture));
        info.Metadata.Add("http.error_message", detail.Length > 63 ? detail[..63] : detail);
        var details = new Google.Rpc.Status { Code = (int)code, Message = text };
        details.Details.Add(Any.Pack(info));
        return new RpcException(new Grpc.Core.Status(code, text), new Metadata { { DetailsTrailer, details.ToByteArray() } });
    }

    private static void AddOthers(Google.Rpc.Status details, DaprError error)
    {
        if (error.Resource is { } resource)
        {
            details.Details.Add(Any.Pack(new ResourceInfo
            {
                ResourceType = resource.Type,
                ResourceName = resource.Name,
                Owner = resource.Owner,
                Description = resource.Description,
            }));
        }

        if (error.FieldViolation is var (field, description))
        {
            var bad = new BadRequest();
            bad.FieldViolations.Add(new BadRequest.Types.FieldViolation { Field = field, Description = description });
            details.Details.Add(Any.Pack(bad));
        }

        if (error.HelpLink is var (url, text))
        {
            var help = new Help();
            help.Links.Add(new Help.Types.Link { Url = url, Description = text });
            details.Details.Add(Any.Pack(help));
        }
    }
}
