using System.Buffers;

namespace DaprK8s.Components.Middleware;

/// <summary>What may stand in an HTTP header, for values that come from a server or a guest that is not trusted with it.</summary>
internal static class HeaderText
{
    private static readonly SearchValues<char> NameCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    /// <summary>A header's name, a scheme or another token of RFC 9110.</summary>
    public static bool IsToken(string text) => text.Length > 0 && !text.AsSpan().ContainsAnyExcept(NameCharacters);

    /// <summary>A value that cannot end its line.</summary>
    public static bool IsValue(string text) => !text.AsSpan().ContainsAny('\r', '\n', '\0');
}
