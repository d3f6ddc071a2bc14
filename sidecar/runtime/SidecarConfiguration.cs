using DaprK8s.Common.Resources;
using DaprK8s.Sidecar.AccessControl;
using DaprK8s.Sidecar.Api.Grpc;
using DaprK8s.Sidecar.Api.Http;
using DaprK8s.Sidecar.Observability;
using DaprK8s.Sidecar.Pipelines;
using DaprK8s.Sidecar.Secrets;
using DaprK8s.Sidecar.Tracing;

namespace DaprK8s.Sidecar.Runtime;

/// <summary>All that is made of a Configuration: immutable, and swapped as a whole.</summary>
internal sealed record SidecarConfiguration
{
    public required Configuration Source { get; init; }

    public ConfigurationSpec Spec => Source.Spec;

    /// <summary>Where requests to the HTTP API pass.</summary>
    public required HttpPipeline? HttpPipeline { get; init; }

    /// <summary>Where calls to the app and to external services pass.</summary>
    public required OutboundPipeline? AppPipeline { get; init; }

    public required ApiAccess HttpAccess { get; init; }

    public required GrpcAccess GrpcAccess { get; init; }

    /// <summary>Who may call the app; <see langword="null"/> when everybody may.</summary>
    public required AccessList? AccessList { get; init; }

    public required SecretScopes SecretScopes { get; init; }

    public required TracingSettings Tracing { get; init; }

    public required HttpPathLabel PathLabel { get; init; }

    public required bool RecordsErrorCodes { get; init; }

    public required ApiLogSettings ApiLog { get; init; }

    /// <summary>The features that are on.</summary>
    public required IReadOnlyList<string> Features { get; init; }
}
