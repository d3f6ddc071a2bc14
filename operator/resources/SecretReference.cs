using System.Text;
using System.Text.Json.Nodes;

namespace DaprK8s.Operator.Resources;

/// <summary>What happens when a Secret has not the key that is referred to (contract: k8s 2.8).</summary>
internal enum MissingKey
{
    /// <summary>The value is left as it was.</summary>
    Leave,

    /// <summary>The value becomes <c>null</c>.</summary>
    Null,

    /// <summary>The document can't be had.</summary>
    Fail,
}

/// <summary>A value of a document that comes from a Secret.</summary>
/// <param name="Item">Holds <c>value</c> beside <c>secretKeyRef</c>.</param>
/// <param name="What">What the value is, for errors: a header's name, or the field.</param>
internal sealed record SecretReference(JsonObject Item, string What)
{
    /// <summary>The Secret.</summary>
    public string Secret => Item.Member("secretKeyRef").Member("name").Text();

    /// <summary>What happens when the key is missing.</summary>
    public MissingKey OnMissingKey { get; init; }

    /// <summary>Whether the value is the text itself, not its base64 form.</summary>
    public bool IsPlain { get; init; }

    /// <summary>Says of a failure where it happened.</summary>
    public Func<string, string> Wrap { get; init; } = static problem => problem;

    private string Key => Item.Member("secretKeyRef").Member("key").Text();

    /// <summary>Puts the value in.</summary>
    /// <exception cref="SecretException">The key is missing, and must not be.</exception>
    public void Fill(SecretData secret)
    {
        if (Key.Length == 0 && OnMissingKey == MissingKey.Fail)
        {
            throw new SecretException(Wrap($"secret key is required for header {What}"));
        }

        var key = Key.Length > 0 ? Key : Secret;
        if (secret.Data.TryGetValue(key, out var base64))
        {
            Item["value"] = IsPlain ? Encoding.UTF8.GetString(Convert.FromBase64String(base64)) : base64;
        }
        else if (OnMissingKey == MissingKey.Null)
        {
            Item["value"] = null;
        }
        else if (OnMissingKey == MissingKey.Fail)
        {
            throw new SecretException(Wrap($"key {key} not found in secret {Secret}"));
        }
    }
}

/// <summary>A Secret or a key in it can't be had. The message holds no secret.</summary>
internal sealed class SecretException(string message) : Exception(message)
{
    /// <summary>There is no such Secret.</summary>
    public bool IsMissing { get; init; }
}
