using Grpc.Core;

namespace DaprK8s.Sidecar.Kubernetes;

/// <summary>
/// Unary calls to the operator: 5 s a try, tried again when the operator is away or busy (contract: k8s 5.3).
/// </summary>
internal static class OperatorCall
{
    private const double Jitter = 0.1;
    private static readonly TimeSpan TryLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    /// <summary>Calls.</summary>
    /// <param name="call">One try.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <param name="retries">How often to try again.</param>
    /// <exception cref="RpcException">The operator refused, or all tries failed.</exception>
    public static async Task<T> CallAsync<T>(Func<CancellationToken, Task<T>> call, TimeProvider time, CancellationToken cancellationToken, int retries)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await TryAsync(call, time, cancellationToken);
            }
            catch (RpcException e) when (attempt <= retries && !cancellationToken.IsCancellationRequested
                && e.StatusCode is StatusCode.Unavailable or StatusCode.ResourceExhausted or StatusCode.DeadlineExceeded)
            {
                // Linear, so that an operator that comes back finds its callers soon, and a busy one not all of them at once.
                var pause = Step * attempt < LongestPause ? Step * attempt : LongestPause;
                await Task.Delay(pause * (1 - Jitter + (2 * Jitter * Random.Shared.NextDouble())), time, cancellationToken);
            }
        }
    }

    private static async Task<T> TryAsync<T>(Func<CancellationToken, Task<T>> call, TimeProvider time, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(TryLimit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            return await call(either.Token);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new RpcException(new Status(StatusCode.DeadlineExceeded, $"no answer within {TryLimit.TotalSeconds} s", e));
        }
    }
}
