using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using DaprK8s.Common.Text;

namespace DaprK8s.Sentry.Validators;

/// <summary>The options of the JWKS validator (contract: security 1.6).</summary>
/// <param name="Source">URL, path, JSON, or base64 of JSON.</param>
/// <param name="Roots">What the URL's server is verified with; <see langword="null"/> for the system's roots.</param>
/// <param name="MinRefreshInterval">How often the set is fetched.</param>
/// <param name="RequestTimeout">How long a fetch may take.</param>
internal sealed record JwksOptions(string Source, X509Certificate2Collection? Roots, TimeSpan MinRefreshInterval, TimeSpan RequestTimeout)
{
    private static readonly TimeSpan DefaultInterval = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(30);

    /// <summary>Reads the options of the Configuration; names are compared ignoring case.</summary>
    /// <exception cref="ValidatorConfigurationException">One is missing or wrong.</exception>
    public static JwksOptions Read(JsonElement options)
    {
        string? source = null, certificate = null;
        var interval = DefaultInterval;
        var timeout = DefaultTimeout;
        foreach (var property in options.ValueKind == JsonValueKind.Object ? options.EnumerateObject() : default)
        {
            var value = property.Value.ValueKind == JsonValueKind.String ? property.Value.GetString()! : property.Value.GetRawText();
            switch (property.Name.ToLowerInvariant())
            {
                case "source":
                    source = value;
                    break;
                case "cacertificate":
                    certificate = value;
                    break;
                case "minrefreshinterval":
                    interval = Duration(property.Name, value, moreThan: TimeSpan.FromSeconds(1), DefaultInterval);
                    break;
                case "requesttimeout":
                    timeout = Duration(property.Name, value, moreThan: TimeSpan.FromMilliseconds(1), DefaultTimeout);
                    break;
            }
        }

        return string.IsNullOrWhiteSpace(source)
            ? throw new ValidatorConfigurationException("property 'source' of the jwks validator is required")
            : new JwksOptions(source, ReadRoots(certificate), interval, timeout);
    }

    private static TimeSpan Duration(string name, string value, TimeSpan moreThan, TimeSpan @default)
        => !GoDuration.TryParse(value, TimeSpan.FromSeconds(1), out var duration)
            ? throw new ValidatorConfigurationException($"property '{name}' of the jwks validator is no duration: '{value}'")
            : duration > moreThan ? duration : @default;

    private static X509Certificate2Collection? ReadRoots(string? certificate)
    {
        if (string.IsNullOrWhiteSpace(certificate))
        {
            return null;
        }

        var roots = new X509Certificate2Collection();
        try
        {
            roots.ImportFromPem(certificate.Contains("-----BEGIN", StringComparison.Ordinal) ? certificate : File.ReadAllText(certificate));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.Security.Cryptography.CryptographicException)
        {
            throw new ValidatorConfigurationException($"property 'caCertificate' of the jwks validator can't be read: {e.Message}");
        }

        return roots.Count > 0 ? roots : throw new ValidatorConfigurationException("property 'caCertificate' of the jwks validator holds no certificate");
    }
}
