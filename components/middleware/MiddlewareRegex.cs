using System.Text.RegularExpressions;
using DaprK8s.Components.Metadata;

namespace DaprK8s.Components.Middleware;

/// <summary>Regular expressions from a component's metadata: without backtracking, so that no text can make one expensive.</summary>
internal static class MiddlewareRegex
{
    /// <summary>Compiles one.</summary>
    /// <param name="field">The setting it comes from.</param>
    /// <param name="pattern">The expression.</param>
    /// <param name="failure">What the error's text begins with.</param>
    /// <exception cref="ComponentMetadataException">It is none, or needs backtracking.</exception>
    public static Regex Compile(string field, string pattern, string failure)
    {
        try
        {
            return new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw new ComponentMetadataException(field, $"{failure}: {e.Message}");
        }
    }
}
