using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace DaprK8s.Sentry.Kubernetes;

/// <summary>The list of a pod's images for the certificate's extension (contract: security 1.10).</summary>
internal static class ContainerImages
{
    private const string SidecarContainer = "daprd";

    // The list is read by programs, never put into a web page.
    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes the list as UTF-8 JSON; nothing when the pod has no container to list.</summary>
    public static ReadOnlyMemory<byte> Write(Pod pod)
    {
        var all = (pod.Spec?.InitContainers ?? []).Where(c => c.RestartPolicy == "Always").Select(c => (Container: c, Statuses: pod.Status?.InitContainerStatuses))
            .Concat((pod.Spec?.Containers ?? []).Select(c => (Container: c, Statuses: pod.Status?.ContainerStatuses)))
            .ToList();
        if (all.Count == 0)
        {
            return default;
        }

        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, Plain))
        {
            writer.WriteStartArray();
            foreach (var (container, statuses) in all)
            {
                writer.WriteStartObject();
                writer.WriteString("role", container.Name == SidecarContainer ? "daprd" : "app");
                writer.WriteString("containerName", container.Name);
                writer.WriteString("image", container.Image ?? "");
                if (Digest(statuses?.Find(s => s.Name == container.Name)?.ImageId) is { } digest)
                {
                    writer.WriteString("digest", digest);
                }

                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }

        return buffer.WrittenMemory;
    }

    private static string? Digest(string? imageId)
    {
        var at = imageId?.LastIndexOf('@') ?? -1;
        var digest = at >= 0 ? imageId![(at + 1)..] : imageId?.StartsWith("sha256:", StringComparison.Ordinal) == true ? imageId : null;
        return string.IsNullOrEmpty(digest) ? null : digest;
    }
}
