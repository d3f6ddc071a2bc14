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
    public SidecarConfiguration Read(Configuration source)
    {
        var spec = source.Spec;
        var metrics = MetricsSetup.Merge(spec);
        return new SidecarConfiguration
        {
            Source = source,
            HttpPipeline = Pipeline("httpPipeline", spec.HttpPipeline),
            AppPipeline = Pipeline("appHttpPipeline", spec.AppHttpPipeline) is { } handlers ? new OutboundPipeline(handlers, PipelineLogger) : null,
            HttpAccess = ApiAccess.ForHttp(spec.Api),
            GrpcAccess = new GrpcAccess(spec.Api),
            AccessList = AccessListReader.Read(spec.AccessControl, !options.App.IsGrpc, loggers.CreateLogger("dapr.acl")),
            SecretScopes = ReadScopes(spec.Secrets),
            Tracing = TracingSettings.Read(spec.Tracing, Environment.GetEnvironmentVariable),
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
