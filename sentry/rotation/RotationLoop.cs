using DaprK8s.Sentry.Ca;
using DaprK8s.Sentry.Store;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sentry.Rotation;

/// <summary>Takes the steps of a root's replacement when they are due, and warns of the end of what it may not replace.</summary>
internal sealed class RotationLoop(
    ICaStore store, RootRotation rotation, ICaEvents events, TimeProvider time, ILogger logger)
{
    // Time may jump (a suspended machine, a set clock): the calendar is looked at no less often than this.
    private static readonly TimeSpan Look = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Retry = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Reminder = TimeSpan.FromDays(1);

    private DateTimeOffset reminded = DateTimeOffset.MinValue;

    /// <summary>Runs until cancellation.</summary>
    /// <param name="current">What is in use.</param>
    /// <param name="changed">Completes at the next change of what is in use.</param>
    /// <param name="reload">Takes what is stored into use.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task RunAsync(
        Func<LoadedBundle> current, Func<Task> changed, Func<CancellationToken, Task> reload, CancellationToken cancellationToken)
    {
        while (true)
        {
            var change = changed();
            var wait = Look;
            try
            {
                if (await StepAsync(current(), cancellationToken))
                {
                    await reload(cancellationToken);
                    await Task.Delay(Pause, time, cancellationToken);
                    continue;
                }

                Remind(current().Ca);
                var left = rotation.Due(current().Ca) - time.GetUtcNow();
                wait = left < Look ? Max(left, Pause) : Look;
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                logger.LogError("a step of the root rotation failed, it is tried again in {Wait}: {Error}", Retry, e.Message);
                wait = Retry;
            }

            // Somebody else's step may bring the next one nearer.
            await change.WaitAsync(wait, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Takes the step that is due, if any.</summary>
    /// <returns>Whether the store has changed, by this step or by somebody else.</returns>
    public async Task<bool> StepAsync(LoadedBundle loaded, CancellationToken cancellationToken)
    {
        if (rotation.Next(loaded.Stored, loaded.Ca, time.GetUtcNow()) is not { } step)
        {
            return false;
        }

        try
        {
            await store.SaveAsync(step.Items, loaded.Stored, cancellationToken);
        }
        catch (StoreConflictException e)
        {
            // Another replica took the step, or somebody changed the bundle.
            logger.LogInformation("the bundle changed before a step of the root rotation: {Reason}", e.Message);
            return true;
        }

        logger.LogInformation("root rotation: {Message}", step.Message);
        events.Report(warning: false, step.Stage switch
        {
            RotationStage.Publish => "RootPublished",
            RotationStage.TakeOver => "RootTookOver",
            _ => "RootRetired",
        }, step.Message);
        return true;
    }

    // Once a day in the last part of a root's life, while nothing is under way that ends it.
    private void Remind(CaBundle bundle)
    {
        var now = time.GetUtcNow();
        if (bundle.Next is not null || now < RootRotation.LastPartOfLife(bundle.Issuer) || now - reminded < Reminder)
        {
            return;
        }

        reminded = now;
        var days = Math.Max(0, (int)(bundle.Issuer.NotAfter - now).TotalDays);
        var message = $"the certificate authority ends in {days} days, and is not replaced without asking, as "
            + (CaGenerator.IsGenerated(bundle.Issuer.Anchor) ? "--root-rotation is off: run 'sentry rotate'"
                : $"sentry did not generate its root {bundle.Issuer.Anchor.Describe()}: replace it, or run 'sentry rotate --force'");
        logger.LogWarning("{Message}", message);
        events.Report(warning: true, "RootExpiring", message);
    }

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;
}

/// <summary>Reports nowhere: self-hosted, the log says it all.</summary>
internal sealed class NoCaEvents : ICaEvents
{
    /// <inheritdoc/>
    public void Report(bool warning, string reason, string message)
    {
    }
}
