using DaprK8s.Common.Resources;
using DaprK8s.Sidecar.AccessControl;
using DaprK8s.Sidecar.Api.Grpc;
using DaprK8s.Sidecar.Api.Http;
using DaprK8s.Sidecar.Flags;
using DaprK8s.Sidecar.Observability;
using DaprK8s.Sidecar.Pipelines;
using DaprK8s.Sidecar.Secrets;
using DaprK8s.Sidecar.Tracing;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Runtime;

/// <summary>Makes the <see cref="SidecarConfiguration"/> of a Configuration resource.</summary>
internal sealed class ConfigurationReader(SidecarOptions options, ComponentRegistry components, ILoggerFactory loggers)
{
    /// <exception cref="FatalException">Something in it contradicts itself, or can't be read; it must not be used.</exception>
    /// <param name="source">The resource.</param>
    /// <param name="before">What counts now; its parts are kept where the resource did not change.</param>
    public SidecarConfiguration Read(Configuration source, SidecarConfiguration? before = null)
    {
        var spec = source.Spec;
        var changed = before is null ? null : ResourceContent.DifferingBlocks(before.Source, source).ToHashSet(StringComparer.Ordinal);
        var metrics = MetricsSetup.Merge(spec);
        return new SidecarConfiguration
        {
            Source = source,
            HttpPipeline = changed?.Contains("httpPipeline") == false ? before!.HttpPipeline : Pipeline("httpPipeline", spec.HttpPipeline),
            AppPipeline = changed?.Contains("appHttpPipeline") == false ? before!.AppPipeline
                : Pipeline("appHttpPipeline", spec.AppHttpPipeline) is { } handlers ? new OutboundPipeline(handlers, PipelineLogger) : null,
            HttpAccess = ApiAccess.ForHttp(spec.Api),
            GrpcAccess = new GrpcAccess(spec.Api),
            AccessList = AccessListReader.Read(spec.AccessControl, !options.App.IsGrpc, loggers.CreateLogger("dapr.acl")),
            SecretScopes = ReadScopes(spec.Secrets),
            Tracing = changed?.Contains("tracing") == false ? before!.Tracing : TracingSettings.Read(spec.Tracing, Environment.GetEnvironmentVariable),
            PathLabel = new HttpPathLabel(metrics.Http),
            RecordsErrorCodes = metrics.RecordErrorCodes ?? false,
            ApiLog = ApiLogSettings.Of(options.ApiLogging, spec.Logging?.ApiLogging),
            Features = Features.Enabled(spec.Features),
        };
    }

    private ILogger PipelineLogger => loggers.CreateLogger("dapr.runtime.middleware");

    private HttpPipeline? Pipeline(string name, PipelineSpec? spec) => HttpPipeline.Create(name, spec, components, PipelineLogger);

    private static SecretScopes ReadScopes(SecretsSpec? spec)
    {
        try
        {
            return SecretScopes.Create(spec);
        }
        catch (ResourceException e)
        {
            throw new FatalException(e.Message, e);
        }
    }
}
