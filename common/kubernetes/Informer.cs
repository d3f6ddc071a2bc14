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
    private static readonly TimeSpan ShortWatch = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan MissingKindPause = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<(string Namespace, string Name), T> objects = new();
    private readonly TaskCompletionSource synced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Complaint complaint = new();
    private bool isWatching;

    /// <summary>Told of every change, one after the other, before the copy shows the next one. Must not block.</summary>
    public Action<ResourceChange<T>>? Changed { get; init; }

    /// <summary>
    /// Told whenever the copy was brought up to date by a list: the first time, and later when changes may have been passed over.
    /// </summary>
    public Action? Listed { get; init; }

    /// <summary>Reads an object, when it is not to be held as it came: only what is needed of it, or in another form.</summary>
    /// <remarks>
    /// The element is valid during the call. <see langword="null"/> means that the object is of no interest as it is now: the copy does
    /// without it. A <see cref="JsonException"/> costs the object only.
    /// </remarks>
    public Func<JsonElement, T?>? Read { get; init; }

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
        var lost = new BackOff(TimeSpan.FromMilliseconds(250), TimeSpan.FromSeconds(5), 2);
        var refused = new BackOff(TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(30), 2);
        string? version = null;
        while (!cancellationToken.IsCancellationRequested)
        {
            var began = timeProvider.GetTimestamp();
            var heard = false;
            TimeSpan pause;
            isWatching = false;
            try
            {
                if (string.IsNullOrEmpty(version))
                {
                    version = await ListAsync(cancellationToken);
                    Listed?.Invoke();
                    synced.TrySetResult();
                }

                await foreach (var next in WatchAsync(version, cancellationToken))
                {
                    heard = true;
                    version = next.Length > 0 ? next : version;
                }

                // A watch that the server ended at once without a word may have been of no use: what it hid shows in a list.
                version = heard || timeProvider.GetElapsedTime(began) >= ShortWatch ? version : null;
                pause = Spacing(began);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (KubernetesException e) when (e.IsExpired)
            {
                logger.LogDebug("the history of {resource} is gone, listing again: {message}", resource.QualifiedName, e.Message);
                version = null;
                pause = isWatching ? Spacing(began) : lost.Next();
            }
            catch (KubernetesException e) when (e.IsKindMissing && scope.OptionalKind is { } kind)
            {
                Skip(kind, e);
                version = null;
                pause = MissingKindPause;
            }
            catch (Exception e) when (isWatching && e is IOException or HttpRequestException)
            {
                logger.LogDebug("the watch of {resource} broke off, continuing: {message}", resource.QualifiedName, e.Message);
                pause = Spacing(began);
            }
            catch (Exception e)
            {
                // Without the right to watch, lists from time to time are better than a copy that stands still.
                version = e is KubernetesException { IsForbidden: true } ? null : version;
                Complain(e);
                pause = (e is KubernetesException ? refused : lost).Next();
            }

            if (isWatching && timeProvider.GetElapsedTime(began) >= StableAfter)
            {
                lost.Reset();
                refused.Reset();
            }

            await Task.Delay(pause, timeProvider, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // Servers may end watches at any moment, so that coming back at once is right; only not in a busy loop.
    private TimeSpan Spacing(long began) => timeProvider.GetElapsedTime(began) is var took && took < Shortest ? Shortest - took : TimeSpan.Zero;

    // Complete as far as it can be: who waits for it must not wait for a CRD that may never come.
    private void Skip(string kind, KubernetesException e)
    {
        foreach (var key in objects.Keys)
        {
            Remove(key);
        }

        var message = $"CRD for {resource.Group}/{resource.Version}/{kind} not found, skipping informer: {e.Message}";
        if (complaint.IsNew(message))
        {
            logger.LogWarning("{message}", message);
        }

        synced.TrySetResult();
    }

    /// <summary>Says what is wrong, once until it changes.</summary>
    private void Complain(Exception e)
    {
        var message = e switch
        {
            KubernetesException { IsForbidden: true } => KubernetesException.Explain(e),
            KubernetesException { IsKindMissing: true } => $"{e.Message} (the CRD {resource.QualifiedName} is not installed)",
            KubernetesException => e.Message,
            _ => $"lost the API server while watching {resource.QualifiedName}: {e.Message}",
        };
        if (complaint.IsNew(KubernetesException.CauseOf(e)))
        {
            logger.LogWarning("{message}", message);
        }
    }

    private void Recover()
    {
        if (complaint.End())
        {
            logger.LogInformation("{resource} can be listed and watched again", resource.QualifiedName);
        }
    }

    private void Take(JsonElement json, out (string Namespace, string Name) key)
    {
        key = KeyOf(json);
        try
        {
            if ((Read is { } read ? read(json) : json.Deserialize(resource.Json)) is { } now)
            {
                Put(key, now);
            }
            else
            {
                Remove(key);
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            logger.LogWarning("{resource} {namespace}/{name} is not readable, what was known of it stays: {message}", resource.QualifiedName, key.Namespace, key.Name, e.Message);
        }
    }

    private static (string Namespace, string Name) KeyOf(JsonElement json)
    {
        var metadata = json.GetProperty("metadata");
        return (Text(metadata, "namespace"), Text(metadata, "name"));
    }

    private void Put((string Namespace, string Name) key, T now)
    {
        var before = objects.GetValueOrDefault(key);
        // Versions that are equal tell of no change; versions that are missing tell nothing.
        if (before is null || string.IsNullOrEmpty(now.Metadata.ResourceVersion) || before.Metadata.ResourceVersion != now.Metadata.ResourceVersion)
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
