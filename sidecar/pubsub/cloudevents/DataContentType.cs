namespace DaprK8s.Sidecar.PubSub.CloudEvents;

/// <summary>How a payload of some media type is put into an event (contract: messaging 1.1).</summary>
internal enum DataForm
{
    /// <summary><c>data</c> holds the bytes as a string.</summary>
    Text,

    /// <summary><c>data</c> holds the JSON value.</summary>
    Json,

    /// <summary><c>data_base64</c>.</summary>
    Base64,

    /// <summary><c>data_base64</c> when the bytes are a CloudEvent in protobuf, else as <see cref="Text"/>.</summary>
    Protobuf,

    /// <summary>The payload is the event.</summary>
    CloudEvent,
}

/// <summary>Media types that pub/sub knows; parameters and case do not matter.</summary>
internal static class DataContentType
{
    public const string CloudEventJson = "application/cloudevents+json";
    public const string Json = "application/json";
    public const string OctetStream = "application/octet-stream";
    public const string Text = "text/plain";

    public static DataForm FormOf(string contentType)
    {
        var media = MediaType(contentType);
        return media.Length switch
        {
            16 when Is(media, Json) => DataForm.Json,
            24 when Is(media, OctetStream) => DataForm.Base64,
            22 when Is(media, "application/x-protobuf") => DataForm.Protobuf,
            28 when Is(media, CloudEventJson) => DataForm.CloudEvent,
            32 when Is(media, "application/cloudevents+protobuf") => DataForm.Base64,
            _ => DataForm.Text,
        };
    }

    public static bool IsOctetStream(string contentType) => Is(MediaType(contentType), OctetStream);

    /// <summary>Whether a gRPC app gets the value of <c>data</c> as JSON text.</summary>
    public static bool IsJsonData(string contentType) => FormOf(contentType) is DataForm.Json or DataForm.CloudEvent;

    /// <summary>Whether a gRPC app gets the string in <c>data</c> as bytes.</summary>
    public static bool IsTextData(string contentType)
    {
        var media = MediaType(contentType);
        return media.StartsWith("text/", StringComparison.OrdinalIgnoreCase) || Is(media, "application/xml");
    }

    private static ReadOnlySpan<char> MediaType(string contentType)
    {
        var media = contentType.AsSpan();
        var end = media.IndexOf(';');
        return (end < 0 ? media : media[..end]).Trim();
    }

    private static bool Is(ReadOnlySpan<char> media, string name) => media.Equals(name, StringComparison.OrdinalIgnoreCase);
}
