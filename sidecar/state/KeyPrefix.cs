using DaprK8s.Sidecar.Runtime;

namespace DaprK8s.Sidecar.State;

/// <summary>
/// What a state store's keys begin with, so that apps that share a store don't see each other's (contract: components 2.8).
/// Chosen by the component's metadata <c>keyPrefix</c>.
/// </summary>
internal sealed class KeyPrefix
{
    /// <summary>Between prefix and key; refused inside either.</summary>
    public const string Separator = "||";

    /// <summary>The metadata field, in any case.</summary>
    public const string Field = "keyPrefix";

    private KeyPrefix(string text) => Text = text;

    /// <summary>Separator included; empty for keys that stay as they are.</summary>
    public string Text { get; }

    /// <summary>The prefix of a strategy.</summary>
    /// <param name="strategy">The metadata value, or <see langword="null"/> when the component sets none.</param>
    /// <param name="componentName">The component.</param>
    /// <param name="self">This sidecar.</param>
    /// <exception cref="FormatException">A literal prefix holds the separator.</exception>
    public static KeyPrefix Of(string? strategy, string componentName, SidecarInfo self)
    {
        switch (strategy?.ToLowerInvariant())
        {
            case null or "appid":
                return OfApp(self.AppId, "");
            case "namespace":
                return OfApp(self.AppId, self.Namespace);
            case "name":
                return new KeyPrefix(componentName + Separator);
            case "none":
                return new KeyPrefix("");
            case var literal when IsIllegal(literal):
                throw new FormatException(IllegalText(literal));
            case var literal:
                return new KeyPrefix(literal + Separator);
        }
    }

    /// <summary>Whether a key of a request, or a literal prefix, must be refused.</summary>
    public static bool IsIllegal(string text) => text.Contains(Separator, StringComparison.Ordinal);

    /// <summary>Why it is refused.</summary>
    public static string IllegalText(string text) => $"input key/keyPrefix '{text}' can't contain '{Separator}'";

    /// <summary>The key as stored.</summary>
    public string Stored(string key) => Text.Length == 0 ? key : string.Concat(Text, key);

    /// <summary>The key as the caller wrote it.</summary>
    public string Original(string stored)
    {
        if (stored.StartsWith(Text, StringComparison.Ordinal))
        {
            return Text.Length == 0 ? stored : stored[Text.Length..];
        }

        var parts = stored.Split(Separator, 3);
        return parts.Length > 1 ? parts[1] : stored;
    }

    private static KeyPrefix OfApp(string appId, string @namespace)
        => new((appId, @namespace) switch
        {
            ("", _) => "",
            (_, "") => appId + Separator,
            _ => $"{@namespace}.{appId}{Separator}",
        });
}
