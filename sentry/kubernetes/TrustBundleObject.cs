using System.Text;
using System.Text.Json.Nodes;

namespace DaprK8s.Sentry.Kubernetes;

/// <summary>The Secret or the ConfigMap of the trust bundle as it was read, so that a write leaves everything else in it as it was.</summary>
/// <param name="object">The whole object.</param>
/// <param name="isSecret">Its entries are base64.</param>
internal sealed class TrustBundleObject(JsonObject @object, bool isSecret)
{
    public JsonObject Object => @object;

    public string Version => (string?)@object["metadata"]?["resourceVersion"] ?? "";

    /// <summary>An entry; nothing when it is not there.</summary>
    /// <exception cref="CaStoreException">It is no base64.</exception>
    public byte[]? this[string name]
    {
        get
        {
            if ((@object["data"] as JsonObject)?[name] is not { } node)
            {
                return null;
            }

            var text = (string?)node ?? "";
            try
            {
                return isSecret ? Convert.FromBase64String(text) : Encoding.UTF8.GetBytes(text);
            }
            catch (FormatException)
            {
                throw new CaStoreException($"the entry {name} of the Secret is no base64");
            }
        }
    }

    /// <summary>Sets or removes an entry.</summary>
    /// <returns>Whether that changed anything.</returns>
    public bool Set(string name, ReadOnlyMemory<byte>? value)
    {
        var old = this[name];
        if (value is not { } bytes)
        {
            return old is not null && ((JsonObject)@object["data"]!).Remove(name);
        }

        if (old is not null && bytes.Span.SequenceEqual(old))
        {
            return false;
        }

        if (@object["data"] is not JsonObject data)
        {
            @object["data"] = data = [];
        }

        data[name] = isSecret ? Convert.ToBase64String(bytes.Span) : Encoding.UTF8.GetString(bytes.Span);
        return true;
    }
}
