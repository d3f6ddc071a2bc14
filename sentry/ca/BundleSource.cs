using DaprK8s.Sentry.Jwt;
using DaprK8s.Sentry.Store;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sentry.Ca;

/// <summary>What is stored, read and checked.</summary>
/// <param name="Stored">As it was loaded.</param>
/// <param name="Ca">Certificates and keys.</param>
/// <param name="Jwt">What signs JWTs; <see langword="null"/> when there is nothing.</param>
internal sealed record LoadedBundle(StoredBundle Stored, CaBundle Ca, JwtMaterial? Jwt);

/// <summary>
/// Gets the bundle out of the store. What doesn't exist at all is generated and what is not public yet is published; what is there but
/// wrong is never replaced.
/// </summary>
internal sealed class BundleSource(ICaStore store, CaProfile profile, JwtSettings jwt, TimeProvider time, ILogger logger)
{
    private const int Attempts = 5;

    /// <summary>Generations of an authority so far, for the metric.</summary>
    public event Action? Generated;

    /// <summary>Loads.</summary>
    /// <param name="generate">
    /// Whether to generate what doesn't exist. Not while an authority is in force: its files may just have been lost, and a new one
    /// would cut everybody off.
    /// </param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="CaBundleException">What is stored can't be used.</exception>
    /// <exception cref="StoreConflictException">Somebody keeps writing.</exception>
    public async Task<LoadedBundle> LoadAsync(bool generate, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var stored = await store.LoadAsync(cancellationToken);
            try
            {
                if (await CompleteAsync(stored, generate, cancellationToken) is { } complete)
                {
                    return complete;
                }
            }
            catch (StoreConflictException e) when (attempt < Attempts)
            {
                // Another replica was faster; what it wrote is as good.
                logger.LogInformation("the bundle changed while it was written, loading it again: {Reason}", e.Message);
            }
        }
    }

    // Null when something was written, and has to be read back.
    private async Task<LoadedBundle?> CompleteAsync(StoredBundle? stored, bool generate, CancellationToken cancellationToken)
    {
        var ca = Verify(() => CaBundleReader.Read(stored));
        var material = JwtMaterial.Read(stored, jwt);
        if (!generate && (ca is null || (material is null && jwt.Enabled)))
        {
            throw new CaBundleException($"{(ca is null ? "the certificate authority" : "the JWT signing key")} is gone from the store; a new one is generated only at start");
        }

        var items = new Dictionary<string, ReadOnlyMemory<byte>>(stored?.Items ?? new Dictionary<string, ReadOnlyMemory<byte>>());
        if (ca is null)
        {
            GenerateCa(items);
        }

        if (material is null && jwt.Enabled)
        {
            CompleteJwt(items);
        }

        var generates = ca is null || (material is null && jwt.Enabled);
        if (!generates && !Verify(() => CaBundleReader.IsPublicationDue(stored!, ca!)))
        {
            Verify(() => CheckLife(ca!));
            return new LoadedBundle(stored!, ca!, material);
        }

        await store.SaveAsync(new StoredBundle(items), stored, cancellationToken);
        if (ca is null)
        {
            logger.LogInformation("no certificate authority found: a self-signed one was generated");
            Generated?.Invoke();
        }
        else if (!generates)
        {
            logger.LogInformation("the published trust anchors were completed from the stored ones");
        }

        return null;
    }

    private void GenerateCa(Dictionary<string, ReadOnlyMemory<byte>> items)
    {
        var issuer = CaGenerator.Generate(profile, time.GetUtcNow());
        items[BundleItems.TrustAnchors] = CertificateList.Write([issuer.Anchor]);
        items[BundleItems.IssuerCertificate] = CertificateList.Write(issuer.Chain);
        items[BundleItems.IssuerKey] = issuer.Key.WritePem();
        issuer.Key.Dispose();
    }

    // A key without its public set has one; only where there is neither a key is made.
    private void CompleteJwt(Dictionary<string, ReadOnlyMemory<byte>> items)
    {
        if (items.TryGetValue(BundleItems.JwtKey, out var key))
        {
            items[BundleItems.Jwks] = JwtMaterial.WriteSet(key, jwt);
            return;
        }

        foreach (var (item, bytes) in JwtMaterial.Generate(jwt))
        {
            items[item] = bytes;
        }

        logger.LogInformation("no JWT signing key found: one was generated");
    }

    // An expired authority of sentry's own making is replaced right after; nobody else's is.
    private bool CheckLife(CaBundle ca)
    {
        var now = time.GetUtcNow();
        var issuer = ca.SigningAt(now, profile.ClockSkew);
        if (!CaGenerator.IsGenerated(issuer.Anchor)
            && issuer.Chain.Append(issuer.Anchor).FirstOrDefault(c => now < c.Starts() || now > c.Ends()) is { } outside)
        {
            throw new CaBundleException($"issuer chain does not belong to trust anchors: certificate has expired or is not yet valid: {outside.Describe()}");
        }

        return true;
    }

    private static T Verify<T>(Func<T> check)
    {
        try
        {
            return check();
        }
        catch (CaBundleException e)
        {
            throw new CaBundleException($"failed to verify CA bundle: {e.Message}");
        }
    }
}
