using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using DaprK8s.Common.Identity.Jwt;
using DaprK8s.Sentry.Store;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sentry.Validators;

/// <summary>
/// The key set that tokens of requests are checked with: fetched from a URL and refreshed, read from a file and watched, or given in the
/// Configuration (contract: security 1.6). A failed refresh keeps the old set.
/// </summary>
internal sealed class JwksSource(JwksOptions options, TimeProvider time, ILogger logger)
{
    private const string Unusable =
        "failed to parse property 'location': not a URL, path to local file, or JSON value (optionally base64-encoded)";

    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(5);

    private volatile JsonWebKeySet? current;

    /// <summary>The set; <see langword="null"/> until it was had for the first time.</summary>
    public JsonWebKeySet? Current => current;

    /// <summary>Gets the set and keeps it fresh until cancellation.</summary>
    /// <exception cref="ValidatorConfigurationException">The source is nothing that could ever yield a set.</exception>
    public Task RunAsync(CancellationToken cancellationToken)
    {
        if (Uri.TryCreate(options.Source, UriKind.Absolute, out var url) && url.Scheme is "http" or "https")
        {
            return FetchAsync(url!, cancellationToken);
        }

        return File.Exists(options.Source) ? WatchAsync(options.Source, cancellationToken) : ReadInline();
    }

    private Task ReadInline()
    {
        try
        {
            var text = options.Source.Trim();
            current = JsonWebKeySet.Parse(text.StartsWith('{') ? System.Text.Encoding.UTF8.GetBytes(text) : Convert.FromBase64String(text));
            return Task.CompletedTask;
        }
        catch (Exception e) when (e is JwtException or FormatException)
        {
            throw new ValidatorConfigurationException(Unusable);
        }
    }

    private async Task WatchAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            current = JsonWebKeySet.Parse(await File.ReadAllBytesAsync(path, cancellationToken));
        }
        catch (Exception e) when (e is JwtException or IOException or UnauthorizedAccessException)
        {
            throw new ValidatorConfigurationException($"failed to load JWKS from file: {e.Message}");
        }

        await foreach (var _ in DirectoryWatch.ChangesAsync([path], time, cancellationToken))
        {
            await RefreshAsync(async () => JsonWebKeySet.Parse(await File.ReadAllBytesAsync(path, cancellationToken)));
        }
    }

    private async Task FetchAsync(Uri url, CancellationToken cancellationToken)
    {
        using var client = new HttpClient(new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                CertificateChainPolicy = Policy(),
            },
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(1),
        })
        { Timeout = Timeout.InfiniteTimeSpan, MaxResponseContentBufferSize = JsonWebKeySet.MaxBytes };
        while (true)
        {
            await RefreshAsync(async () =>
            {
                using var timeout = new CancellationTokenSource(options.RequestTimeout, time);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
                return JsonWebKeySet.Parse(await client.GetByteArrayAsync(url, either.Token));
            });
            cancellationToken.ThrowIfCancellationRequested();
            await Task.Delay(current is null ? Retry : options.MinRefreshInterval, time, cancellationToken);
        }
    }

    private async Task RefreshAsync(Func<Task<JsonWebKeySet>> load)
    {
        try
        {
            current = await load();
        }
        catch (Exception e) when (e is JwtException or IOException or UnauthorizedAccessException or HttpRequestException or OperationCanceledException)
        {
            logger.LogWarning("the key set of the jwks validator could not be {Refreshed}: {Error}", current is null ? "loaded" : "refreshed; the old one is kept", e.Message);
        }
    }

    private X509ChainPolicy? Policy()
    {
        if (options.Roots is null)
        {
            return null;
        }

        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(options.Roots);
        return policy;
    }
}
