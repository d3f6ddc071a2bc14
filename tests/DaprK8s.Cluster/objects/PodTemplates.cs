using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace DaprK8s.Cluster.Objects;

/// <summary>Pods and sets of pods made from a template of their owner.</summary>
internal static class PodTemplates
{
    /// <summary>A short name for the content of a template, the same for the same content.</summary>
    public static string Hash(JsonElement template)
    {
        // Only what is lower-case and starts no word: the hash is part of names.
        const string Alphabet = "bcdfghjklmnpqrstvwxz2456789";
        var digest = SHA256.HashData(Encoding.UTF8.GetBytes(template.GetRawText()));
        return new string([.. digest.Take(10).Select(b => Alphabet[b % Alphabet.Length])]);
    }

    /// <summary>A pod of an owner.</summary>
    public static JsonObject Pod(JsonElement owner, string apiVersion, string kind, JsonElement template)
    {
        var pod = JsonObject.Create(template)!.DeepClone().AsObject();
        pod["apiVersion"] = "v1";
        pod["kind"] = "Pod";
        if (pod["metadata"] is not JsonObject metadata)
        {
            pod["metadata"] = metadata = [];
        }

        metadata.Remove("creationTimestamp");
        metadata["ownerReferences"] = new JsonArray(Owner(owner, apiVersion, kind));
        return pod;
    }

    /// <summary>A reference to the owner that controls an object.</summary>
    public static JsonObject Owner(JsonElement owner, string apiVersion, string kind) => new()
    {
        ["apiVersion"] = apiVersion,
        ["kind"] = kind,
        ["name"] = owner.Name(),
        ["uid"] = owner.Uid(),
        ["controller"] = true,
        ["blockOwnerDeletion"] = true,
    };

    /// <summary>A number that may be a share of a whole: <c>25%</c>.</summary>
    public static int Share(string? value, int whole, bool roundUp, string otherwise)
    {
        value ??= otherwise;
        if (!value.EndsWith('%'))
        {
            return int.Parse(value, System.Globalization.CultureInfo.InvariantCulture);
        }

        var exact = whole * double.Parse(value[..^1], System.Globalization.CultureInfo.InvariantCulture) / 100;
        return (int)(roundUp ? Math.Ceiling(exact) : Math.Floor(exact));
    }
}
