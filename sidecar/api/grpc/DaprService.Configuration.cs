using System.Threading.Channels;
using DaprK8s.Common.GrpcServer;
using DaprK8s.Components;
using DaprK8s.Protos.Common.V1;
using DaprK8s.Protos.Runtime.V1;
using DaprK8s.Sidecar.ConfigurationApi;
using Google.Protobuf.Collections;
using Grpc.Core;
using WireItem = DaprK8s.Protos.Common.V1.ConfigurationItem;
using Item = DaprK8s.Components.ConfigurationItem;

namespace DaprK8s.Sidecar.Api.Grpc;

/// <content>The configuration API over gRPC, with its names from before it was stable (contract: api 2.5, 2.9).</content>
internal sealed partial class DaprService
{
    public override async Task<GetConfigurationResponse> GetConfiguration(GetConfigurationRequest request, ServerCallContext context)
    {
        var items = await configuration.GetAsync(request.StoreName, [.. request.Keys], MetadataOf(request.Metadata), context.CancellationToken);
        var response = new GetConfigurationResponse();
        Copy(items, response.Items);
        return response;
    }

    public override async Task SubscribeConfiguration(
        SubscribeConfigurationRequest request, IServerStreamWriter<SubscribeConfigurationResponse> responseStream, ServerCallContext context)
    {
        // One writer of the stream: the id goes first, and each update waits until the one before it is on its way.
        var updates = Channel.CreateBounded<IReadOnlyDictionary<string, Item>>(1);
        var subscription = await configuration.SubscribeAsync(
            request.StoreName,
            [.. request.Keys.Order(StringComparer.Ordinal)],
            MetadataOf(request.Metadata),
            (_, _, items, ct) => updates.Writer.WriteAsync(items, ct),
            context.CancellationToken);
        try
        {
            await responseStream.WriteAsync(new SubscribeConfigurationResponse { Id = subscription.Id }, context.CancellationToken);
            _ = subscription.Ended.ContinueWith(
                _ => updates.Writer.TryComplete(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            await foreach (var items in updates.Reader.ReadAllAsync(context.CancellationToken))
            {
                var response = new SubscribeConfigurationResponse { Id = subscription.Id };
                Copy(items, response.Items);
                await responseStream.WriteAsync(response, context.CancellationToken);
            }
        }
        catch (OperationCanceledException) when (context.CancellationToken.IsCancellationRequested)
        {
            // The client has gone; there is no one to tell.
        }
        finally
        {
            await configuration.EndAsync(subscription);
        }
    }

    public override async Task<UnsubscribeConfigurationResponse> UnsubscribeConfiguration(UnsubscribeConfigurationRequest request, ServerCallContext context)
    {
        var refusal = await configuration.UnsubscribeAsync(request.StoreName, request.Id);
        return refusal is null
            ? new UnsubscribeConfigurationResponse { Ok = true }
            : new UnsubscribeConfigurationResponse { Message = ConfigurationErrors.UnsubscribeText(request.Id, refusal) };
    }

    private void AddConfiguration(GrpcMethods methods)
    {
        foreach (var suffix in new[] { "", "Alpha1" })
        {
            methods.Unary(Service, nameof(GetConfiguration) + suffix, GetConfigurationRequest.Parser, GetConfiguration);
            methods.ServerStream<SubscribeConfigurationRequest, SubscribeConfigurationResponse>(
                Service, nameof(SubscribeConfiguration) + suffix, SubscribeConfigurationRequest.Parser, SubscribeConfiguration);
            methods.Unary(Service, nameof(UnsubscribeConfiguration) + suffix, UnsubscribeConfigurationRequest.Parser, UnsubscribeConfiguration);
        }
    }

    private static void Copy(IReadOnlyDictionary<string, Item> from, MapField<string, WireItem> to)
    {
        foreach (var (key, item) in from)
        {
            var wire = new WireItem { Value = item.Value, Version = item.Version };
            Copy(item.Metadata, wire.Metadata);
            to.Add(key, wire);
        }
    }
}
