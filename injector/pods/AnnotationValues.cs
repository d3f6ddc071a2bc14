using System.Globalization;
using System.Text.Json;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Text;

namespace DaprK8s.Injector.Pods;

/// <summary>
/// The annotations of a pod, read by the types of the contract (k8s 3.8): what is not there has a default, a number that can't be read
/// keeps it and leaves a warning, a boolean that can't be read is false.
/// </summary>
internal sealed class AnnotationValues
{
    private readonly JsonElement annotations;
    private readonly List<string> warnings = [];

    /// <summary>Takes the annotations of a pod.</summary>
    /// <exception cref="MalformedPodException">They have not the shape of annotations.</exception>
    public AnnotationValues(JsonElement pod)
    {
        if (pod.ValueKind != JsonValueKind.Object)
        {
            throw new MalformedPodException($"expected an object, found {PodJson.Describe(pod)}");
        }

        annotations = PodJson.Object(PodJson.Object(pod, "metadata", "metadata"), "annotations", "metadata.annotations");
        AreEnabling = Text(DaprAnnotations.Enabled, "").Equals("true", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>What could not be used, and what happened instead.</summary>
    public IReadOnlyList<string> Warnings => warnings;

    /// <summary>Whether the pod asks for a sidecar: the word <c>true</c> in any case, and no other (contract: k8s 3.3).</summary>
    public bool AreEnabling { get; }

    /// <summary>Notes that something could not be used.</summary>
    public void Warn(string message) => warnings.Add(message);

    /// <summary>A text; present and empty is not absent.</summary>
    public string Text(string key, string @default) => OptionalText(key) ?? @default;

    /// <summary>A text, or nothing.</summary>
    public string? OptionalText(string key)
        => annotations.ValueKind == JsonValueKind.Object && annotations.TryGetProperty(key, out _) ? PodJson.Text(annotations, key, "metadata.annotations") : null;

    /// <summary>A boolean by the list of true words.</summary>
    public bool Bool(string key, bool @default) => OptionalText(key) is { } text ? Truthy.IsTruthy(text) : @default;

    /// <summary>A boolean by the list of true words, or nothing.</summary>
    public bool? OptionalBool(string key) => OptionalText(key) is { } text ? Truthy.IsTruthy(text) : null;

    /// <summary>A whole number.</summary>
    public int Number(string key, int @default)
    {
        if (OptionalText(key) is not { } text)
        {
            return @default;
        }

        if (TryRead(text, out var number))
        {
            return number;
        }

        Warn($"annotation {key} is not a whole number, {@default} is used: {GoQuote.Quote(Shorten(text))}");
        return @default;
    }

    /// <summary>A whole number, or nothing.</summary>
    public int? OptionalNumber(string key)
    {
        if (OptionalText(key) is not { } text)
        {
            return null;
        }

        if (TryRead(text, out var number))
        {
            return number;
        }

        Warn($"annotation {key} is not a whole number, it is ignored: {GoQuote.Quote(Shorten(text))}");
        return null;
    }

    private static bool TryRead(string text, out int number)
        => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number);

    // Annotations may be as long as 256 KiB together; a log line need not be.
    private static string Shorten(string text) => text.Length <= 100 ? text : text[..100] + "...";
}
