using System.Security.Cryptography;

namespace DaprK8s.Common.Identity;

/// <summary>
/// Makes the keys that certificates are asked for with, a new one for each. An RSA key is a search for primes, which takes longer than all
/// the rest of a service's start and not twice the same time, so the first can be begun before there is anybody to ask.
/// </summary>
/// <param name="kind">The kind of key.</param>
public sealed class SvidKeys(SvidKey kind)
{
    private const int RsaBits = 2048;

    private Task<AsymmetricAlgorithm>? begun;

    /// <summary>The kind of key.</summary>
    public SvidKey Kind => kind;

    /// <summary>Makes a source that has begun with its first key.</summary>
    public static SvidKeys Begin(SvidKey kind)
    {
        var keys = new SvidKeys(kind);
        if (kind == SvidKey.Rsa2048)
        {
            // With a processor to spare, whichever of two searches is done first.
            keys.begun = Environment.ProcessorCount > 1 ? FirstOf(GenerateRsaAsync(), GenerateRsaAsync()) : GenerateRsaAsync();
        }

        return keys;
    }

    /// <summary>The next key, which is then the caller's.</summary>
    /// <exception cref="CryptographicException">It can't be made.</exception>
    public Task<AsymmetricAlgorithm> NextAsync()
        => Interlocked.Exchange(ref begun, null)
            ?? (kind == SvidKey.Rsa2048 ? GenerateRsaAsync() : Task.FromResult<AsymmetricAlgorithm>(ECDsa.Create(ECCurve.NamedCurves.nistP256)));

    private static async Task<AsymmetricAlgorithm> FirstOf(Task<AsymmetricAlgorithm> one, Task<AsymmetricAlgorithm> other)
    {
        var first = await Task.WhenAny(one, other);
        _ = (first == one ? other : one).ContinueWith(static late => late.Result.Dispose(), TaskContinuationOptions.OnlyOnRanToCompletion);
        return await first;
    }

    // On a thread of its own: the pool begins with as many as there are processors, and the start needs them.
    private static Task<AsymmetricAlgorithm> GenerateRsaAsync()
        => Task.Factory.StartNew<AsymmetricAlgorithm>(
            static () =>
            {
                var rsa = RSA.Create(RsaBits);
                try
                {
                    // The search is done when the key is first looked at.
                    rsa.ExportParameters(includePrivateParameters: false);
                    return rsa;
                }
                catch
                {
                    rsa.Dispose();
                    throw;
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
}
