using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace DaprK8s.Common.Identity;

/// <summary>
/// The identity of a workload, <c>spiffe://&lt;trust domain&gt;/ns/&lt;namespace&gt;/&lt;app id&gt;</c> (SPIFFE-ID standard;
/// contract: security 2.1).
/// </summary>
/// <param name="TrustDomain">The trust domain: lower-case letters, digits, dots, dashes and underscores.</param>
/// <param name="Namespace">The namespace; letters, digits, dots, dashes and underscores.</param>
/// <param name="AppId">The app id, or the name of a control-plane service; the same characters.</param>
public sealed record SpiffeId(string TrustDomain, string Namespace, string AppId)
{
    /// <summary>The trust domain of apps for which none is configured.</summary>
    public const string PublicTrustDomain = "public";

    /// <summary>What is wrong with a refused trust domain; shown to users.</summary>
    public const string TrustDomainRule = "trust domain characters are limited to lowercase letters, numbers, dots, dashes, and underscores";

    private const string Scheme = "spiffe://";
    private const int MaxLength = 2048;

    private static readonly SearchValues<char> DomainCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789.-_");

    private static readonly SearchValues<char> SegmentCharacters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");

    /// <summary>The path part, which names an app whatever its trust domain.</summary>
    public string Path => $"/ns/{Namespace}/{AppId}";

    /// <summary>Whether a text is a trust domain.</summary>
    public static bool IsTrustDomain(ReadOnlySpan<char> text)
        => text.Length is > 0 and <= 255 && !text.ContainsAnyExcept(DomainCharacters);

    /// <summary>Whether a text can stand between two slashes of an id.</summary>
    public static bool IsSegment(ReadOnlySpan<char> text)
        => text.Length > 0 && text is not ("." or "..") && !text.ContainsAnyExcept(SegmentCharacters);

    /// <summary>Makes an id of its parts.</summary>
    /// <exception cref="FormatException">A part can't stand in an id.</exception>
    public static SpiffeId Create(string trustDomain, string @namespace, string appId)
    {
        if (!IsTrustDomain(trustDomain))
        {
            throw new FormatException(TrustDomainRule);
        }

        return IsSegment(@namespace) && IsSegment(appId)
            ? new SpiffeId(trustDomain, @namespace, appId)
            : throw new FormatException("path segment characters are limited to letters, numbers, dots, dashes, and underscores");
    }

    /// <summary>Reads an id. Segments behind the app id are ignored, as the contract wants it of readers.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out SpiffeId? id)
    {
        id = null;
        if (text is null || text.Length > MaxLength || !text.StartsWith(Scheme, StringComparison.Ordinal))
        {
            return false;
        }

        var parts = text[Scheme.Length..].Split('/');
        if (parts.Length < 4 || parts[1] != "ns" || !IsTrustDomain(parts[0]) || !Array.TrueForAll(parts[1..], p => IsSegment(p)))
        {
            return false;
        }

        id = new SpiffeId(parts[0], parts[2], parts[3]);
        return true;
    }

    /// <summary>The id as a URI.</summary>
    public override string ToString() => $"{Scheme}{TrustDomain}{Path}";
}
