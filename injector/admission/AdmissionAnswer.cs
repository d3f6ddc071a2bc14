using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace DaprK8s.Injector.Admission;

/// <summary>What the API server is answered: the pod may be created as it is, with a patch, or not at all.</summary>
internal sealed record AdmissionAnswer
{
    private const string DefaultVersion = "admission.k8s.io/v1";

    /// <summary>The pod stays as it is.</summary>
    public static AdmissionAnswer Unchanged { get; } = new();

    /// <summary>Why the pod is refused; <see langword="null"/> when it isn't.</summary>
    public string? Refusal { get; private init; }

    /// <summary>The JSON patch; empty for none.</summary>
    public ReadOnlyMemory<byte> Patch { get; private init; }

    /// <summary>The pod is changed.</summary>
    public static AdmissionAnswer Patched(ReadOnlyMemory<byte> patch) => new() { Patch = patch };

    /// <summary>The pod is refused.</summary>
    public static AdmissionAnswer Refused(string why) => new() { Refusal = why };

    /// <summary>Writes the review that answers a request.</summary>
    /// <param name="request">The request; <see langword="null"/> when it could not be read.</param>
    /// <param name="output">Where to.</param>
    public void Write(AdmissionRequest? request, IBufferWriter<byte> output)
    {
        using var json = new Utf8JsonWriter(output, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        json.WriteStartObject();
        json.WriteString("kind", "AdmissionReview");
        json.WriteString("apiVersion", request?.ApiVersion ?? DefaultVersion);
        json.WriteStartObject("response");
        json.WriteString("uid", request?.Uid ?? "");
        json.WriteBoolean("allowed", Refusal is null);
        if (Refusal is not null)
        {
            json.WriteStartObject("status");
            json.WriteString("message", Refusal);
            json.WriteEndObject();
        }

        if (!Patch.IsEmpty)
        {
            json.WriteString("patchType", "JSONPatch");
            json.WriteBase64String("patch", Patch.Span);
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }
}
