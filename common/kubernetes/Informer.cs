using System.Collections.Concurrent;
using System.Text.Json;
using DaprK8s.Common.Hosting;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Common.Kubernetes;

/// <summary>
/// Keeps a copy of the objects of a kind, as a controller's informer does: lists them once, then follows their changes; continues
/// after a lost connection where it was, and lists again only when the server has forgotten what came since.
/// </summary>
/// <typeparam name="T">The type that holds as much of an object as is needed; the copy is as large as these are.</typeparam>
/// <param name="client">The API server.</param>
/// <param name="resource">The kind.</param>
/// <param name="scope">Which objects.</param>
/// <param name="logger">Told what can't be listed or watched, and when it can again.</param>
/// <param name="timeProvider">The clock.</param>
public sealed partial class Informer<T>(KubernetesClient client, ApiResource<T> resource, InformerScope scope, ILogger logger, TimeProvider timeProvider)
    where T : class, IApiObject
{
    private static readonly TimeSpan StableAfter = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<(string Namespace, string Name), T> objects = new();
    private readonly TaskCompletionSource synced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private string? complaint;

    /// <summary>Told of every change, one after the other, before the copy shows the next one. Must not block.</summary>
    public Action<ResourceChange<T>>? Changed { get; init; }

    /// <summary>
    /// Told whenever the copy was brought up to date by a list: the first time, and later when changes may have been passed over.
    /// </summary>
    public Action? Listed { get; init; }

    /// <summary>Whether the first list is complete.</summary>
    public bool HasSynced => synced.Task.IsCompletedSuccessfully;

    /// <summary>The objects, now.</summary>
    public ICollection<T> Objects => objects.Values;

    /// <summary>Waits for the first list.</summary>
    public Task WaitForSyncAsync(CancellationToken cancellationToken) => synced.Task.WaitAsync(cancellationToken);

    /// <summary>An object of the copy.</summary>
    public T? Find(string? @namespace, string name) => objects.GetValueOrDefault((@namespace ?? "", name));

    /// <summary>Keeps the copy until cancellation, whatever becomes of the server.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var pause = new BackOff(TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(30), 2);
        string? version = null;
        while (!cancellationToken.IsCancellationRequested)
        {
            var began = timeProvider.GetTimestamp();
            try
            {
                if (version is null)
                {
                    version = await ListAsync(cancellationToken);
                    Listed?.Invoke();
                    synced.TrySetResult();
                }

                await foreach (var next in WatchAsync(version, cancellationToken))
                {
                    version = next;
                }
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (KubernetesException e) when (e.IsExpired)
            {
                logger.LogDebug("the history of {resource} is gone, listing again: {message}", resource.QualifiedName, e.Message);
                version = null;
            }
            catch (Exception e)
            {
                // Without the right to watch, lists from time to time are better than a copy that stands still.
                version = e is KubernetesException { IsForbidden: true } ? null : version;
                Complain(e);
            }

            // A watch that ran for a while and then ended is no failure; anything shorter must not become a busy loop.
            if (timeProvider.GetElapsedTime(began) >= StableAfter)
            {
                pause.Reset();
                if (complaint is null)
                {
                    continue;
                }
            }

            try
            {
                await Task.Delay(pause.Next(), timeProvider, cancellationToken);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <summary>Says what is wrong, once until it changes.</summary>
    private void Complain(Exception e)
    {
        var message = e switch
        {
            KubernetesException { IsForbidden: true } refused =>
                $"{e.Message} (a role must allow '{refused.Verb}' on '{refused.Resource}'{(scope.Namespace is { } ns ? $" in namespace '{ns}'" : " in the whole cluster")})",
            KubernetesException { IsKindMissing: true } => $"{e.Message} (the CRD {resource.QualifiedName} is not installed)",
            KubernetesException => e.Message,
            _ => $"lost the API server while watching {resource.QualifiedName}: {e.Message}",
        };
        if (Interlocked.Exchange(ref complaint, message) != message)
        {
            logger.LogWarning("{message}", message);
        }
    }

    private void Recover()
    {
        if (Interlocked.Exchange(ref complaint, null) is not null)
        {
            logger.LogInformation("{resource} can be listed and watched again", resource.QualifiedName);
        }
    }

    private T? Decode(JsonElement json, out (string Namespace, string Name) key)
    {
        var metadata = json.GetProperty("metadata");
        key = (Text(metadata, "namespace"), Text(metadata, "name"));
        try
        {
            return json.Deserialize(resource.Json);
        }
        catch (JsonException e)
        {
            logger.LogWarning("{resource} {namespace}/{name} is not readable, what was known of it stays: {message}", resource.QualifiedName, key.Namespace, key.Name, e.Message);
            return null;
        }
    }

    private void Put((string Namespace, string Name) key, T now)
    {
        var before = objects.GetValueOrDefault(key);
        if (before is null || before.Metadata.ResourceVersion != now.Metadata.ResourceVersion)
        {
            objects[key] = now;
            Tell(new ResourceChange<T>(before, now));
        }
    }

    private void Remove((string Namespace, string Name) key)
    {
        if (objects.TryRemove(key, out var before))
        {
            Tell(new ResourceChange<T>(before, null));
        }
    }

    private void Tell(ResourceChange<T> change)
    {
        try
        {
            Changed?.Invoke(change);
        }
        catch (Exception e)
        {
            logger.LogError(e, "a change of {resource} {namespace}/{name} could not be handled", resource.QualifiedName, (change.After ?? change.Before)!.Metadata.Namespace, (change.After ?? change.Before)!.Metadata.Name);
        }
    }

    private static string Text(JsonElement from, string name)
        => from.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";
}
