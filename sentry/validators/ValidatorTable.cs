using System.Diagnostics.CodeAnalysis;
using DaprK8s.Common.Resources;
using TokenValidator = DaprK8s.Protos.Sentry.V1.SignCertificateRequest.Types.TokenValidator;

namespace DaprK8s.Sentry.Validators;

/// <summary>The Configuration asks for a validator that can't be; fatal.</summary>
internal sealed class ValidatorConfigurationException(string message) : Exception(message);

/// <summary>Which validators are on, and which is the default one (contract: security 1.7).</summary>
internal sealed class ValidatorTable
{
    private readonly Dictionary<TokenValidator, IRequestValidator> enabled = [];
    private readonly TokenValidator @default;

    /// <summary>Makes the table.</summary>
    /// <param name="kubernetes">The validator of Kubernetes; <see langword="null"/> when self-hosted.</param>
    /// <param name="configured">The validators of the Configuration.</param>
    /// <param name="jwks">Makes the JWKS validator of its options.</param>
    /// <exception cref="ValidatorConfigurationException">A configured one can't be.</exception>
    public ValidatorTable(IRequestValidator? kubernetes, IReadOnlyList<TokenValidatorSpec> configured, Func<TokenValidatorSpec, IRequestValidator> jwks)
    {
        foreach (var spec in configured)
        {
            switch (spec.Name.ToLowerInvariant())
            {
                case "jwks":
                    enabled[TokenValidator.Jwks] = jwks(spec);
                    break;
                case "kubernetes" or "insecure":
                    throw new ValidatorConfigurationException(
                        "invalid token validator: the built-in 'kubernetes' and 'insecure' validators cannot be configured manually");
                default:
                    throw new ValidatorConfigurationException($"invalid token validator name: '{spec.Name}'; supported values: 'jwks'");
            }
        }

        if (kubernetes is not null)
        {
            enabled[@default = TokenValidator.Kubernetes] = kubernetes;
        }
        else if (enabled.Count == 0)
        {
            enabled[@default = TokenValidator.Insecure] = new InsecureValidator();
        }
    }

    /// <summary>All that are on.</summary>
    public IReadOnlyCollection<IRequestValidator> Enabled => enabled.Values;

    /// <summary>Whether a request must name its validator.</summary>
    public bool MustBeNamed => @default == TokenValidator.Unknown;

    /// <summary>The validator that a request names; the default one for <see cref="TokenValidator.Unknown"/>.</summary>
    public bool TryGet(TokenValidator name, [NotNullWhen(true)] out IRequestValidator? validator)
        => enabled.TryGetValue(name == TokenValidator.Unknown ? @default : name, out validator);
}
