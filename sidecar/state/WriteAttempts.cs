using DaprK8s.Components;
using DaprK8s.Sidecar.Resiliency;

namespace DaprK8s.Sidecar.State;

/// <summary>
/// A bulk write over several attempts: each one takes up only the items that are still to be done. Items that were refused for
/// their ETag are not tried again, and are told of at the end.
/// </summary>
internal sealed class WriteAttempts<TOperation>(
    IReadOnlyList<TOperation> operations, Func<IReadOnlyList<TOperation>, CancellationToken, ValueTask> write)
    where TOperation : StateOperation
{
    private readonly List<KeyValuePair<string, Exception>> refused = [];
    private IReadOnlyList<TOperation> pending = operations;

    /// <summary>One attempt.</summary>
    /// <exception cref="PermanentFailureException">Everything that another attempt could mend is done.</exception>
    /// <exception cref="Exception">Something is left that another attempt may mend.</exception>
    public async ValueTask<bool> RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            await write(pending, cancellationToken);
        }
        catch (BulkStateException e)
        {
            throw Narrow(e.Failures);
        }
        catch (Exception e) when (pending.Count == 1 && (refused.Count > 0 || WriteAttempt.IsETagFailure(e)) && e is not OperationCanceledException)
        {
            // Stores answer for a single item with the bare failure.
            throw Narrow([new(pending[0].Key, e)]);
        }
        catch (Exception e) when (WriteAttempt.IsETagFailure(e))
        {
            throw new PermanentFailureException(e);
        }

        return refused.Count == 0 ? true : throw new PermanentFailureException(new BulkStateException([.. refused]));
    }

    private Exception Narrow(IReadOnlyList<KeyValuePair<string, Exception>> failures)
    {
        var again = new HashSet<string>(StringComparer.Ordinal);
        foreach (var failure in failures)
        {
            if (WriteAttempt.IsETagFailure(failure.Value))
            {
                refused.Add(failure);
            }
            else
            {
                again.Add(failure.Key);
            }
        }

        if (again.Count == 0)
        {
            return new PermanentFailureException(new BulkStateException([.. refused]));
        }

        pending = [.. pending.Where(o => again.Contains(o.Key))];
        return new BulkStateException([.. refused, .. failures.Where(f => again.Contains(f.Key))]);
    }
}
