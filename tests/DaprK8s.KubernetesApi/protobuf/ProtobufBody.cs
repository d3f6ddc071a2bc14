using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Requests;
using DaprK8s.KubernetesApi.Schemas;
using Google.Protobuf;

namespace DaprK8s.KubernetesApi.Protobuf;

/// <summary>
/// Bodies as <c>application/vnd.kubernetes.protobuf</c>, which <c>kubectl create</c> and Helm's release storage send. They are
/// turned into JSON by the schema of their kind; answers are JSON, which those clients take as well.
/// </summary>
internal static class ProtobufBody
{
    public const string MediaType = "application/vnd.kubernetes.protobuf";

    private static readonly byte[] Magic = [(byte)'k', (byte)'8', (byte)'s', 0];

    // Fields whose zero says something: in Go they are pointers. All others are written always, and their zero means absence.
    private static readonly HashSet<string> MeaningfulZeros =
    [
        "replicas", "terminationGracePeriodSeconds", "gracePeriodSeconds", "backoffLimit", "parallelism", "completions", "activeDeadlineSeconds", "runAsUser",
        "runAsGroup", "fsGroup", "defaultMode", "mode", "revisionHistoryLimit", "ttlSecondsAfterFinished", "tolerationSeconds", "priority",
        "successfulJobsHistoryLimit", "failedJobsHistoryLimit", "partition", "value",
        "automountServiceAccountToken", "runAsNonRoot", "readOnlyRootFilesystem", "allowPrivilegeEscalation", "privileged", "enableServiceLinks", "hostUsers",
        "suspend", "manualSelector", "optional", "immutable", "controller", "blockOwnerDeletion", "orphanDependents", "shareProcessNamespace",
    ];

    private static readonly HashSet<string> AlwaysWrittenObjects = ["status", "resources", "strategy", "updateStrategy", "source", "loadBalancer", "spec"];

    private static readonly Dictionary<string, string> Inlined = new()
    {
        ["handler"] = "ProbeHandler",
        ["volumeSource"] = "VolumeSource",
        ["localObjectReference"] = "LocalObjectReference",
        ["ephemeralContainerCommon"] = "EphemeralContainerCommon",
        ["rule"] = "Rule",
    };

    /// <summary>Reads a body.</summary>
    /// <exception cref="ApiException">It is none, or of a kind that has no schema.</exception>
    public static JsonObject Read(byte[] body)
    {
        if (!body.AsSpan().StartsWith(Magic))
        {
            throw ApiException.BadRequest("the body is no Kubernetes protobuf message");
        }

        try
        {
            var (apiVersion, kind, raw) = Envelope(body.AsMemory(Magic.Length));
            if (raw.StartsWith("{"u8))
            {
                return Decoding.Parse(Encoding.UTF8.GetString(raw));
            }

            var schema = SchemaOf(apiVersion, kind) ?? throw ApiException.BadRequest($"no kind \"{kind}\" is registered for version \"{apiVersion}\" as protobuf");
            var result = new JsonObject { ["apiVersion"] = apiVersion, ["kind"] = kind };
            Message(result, raw.ToArray(), kind, schema);
            return result;
        }
        catch (InvalidProtocolBufferException e)
        {
            throw ApiException.BadRequest($"the body is no protobuf message: {e.Message}");
        }
    }

    private static Schema? SchemaOf(string apiVersion, string kind)
    {
        if (kind == "Event")
        {
            return ModelSchemas.Of(apiVersion == "v1" ? "Corev1Event" : "Eventsv1Event");
        }

        return ModelSchemas.Find("V1" + kind) ?? ModelSchemas.Find("Authenticationv1" + kind) ?? ModelSchemas.Find("AuthenticationV1" + kind);
    }

    /// <summary>What stands around the object: <c>runtime.Unknown</c> with its type.</summary>
    private static (string ApiVersion, string Kind, byte[] Raw) Envelope(ReadOnlyMemory<byte> bytes)
    {
        var (apiVersion, kind, raw) = ("", "", Array.Empty<byte>());
        foreach (var (number, value) in Fields(bytes.ToArray()))
        {
            if (number == 1)
            {
                foreach (var (inner, text) in Fields((byte[])value))
                {
                    (apiVersion, kind) = inner == 1 ? (Text(text), kind) : (apiVersion, Text(text));
                }
            }
            else if (number == 2)
            {
                raw = (byte[])value;
            }
        }

        return (apiVersion, kind, raw);
    }

    private static void Message(JsonObject into, byte[] bytes, string message, Schema? schema)
    {
        foreach (var (number, value) in Fields(bytes))
        {
            if (MessageFields.Name(message, number) is not { } name)
            {
                continue;
            }

            // What Go embeds stands in its owner's JSON.
            if (schema?.Of(name) is null && Inlined.TryGetValue(name, out var inlined))
            {
                Message(into, (byte[])value, inlined, schema);
                continue;
            }

            Add(into, name, value, schema?.Of(name) ?? new Schema { PreservesUnknown = true });
        }
    }

    private static void Add(JsonObject into, string name, object value, Schema schema)
    {
        if (schema.Type == "array")
        {
            var list = into[name] as JsonArray;
            if (list is null)
            {
                into[name] = list = [];
            }

            list.Add(Value(name, value, schema.Items!, true));
        }
        else if (schema.Values is { } values)
        {
            var map = into[name] as JsonObject;
            if (map is null)
            {
                into[name] = map = [];
            }

            var (key, item) = Entry((byte[])value);
            map[key] = item is null ? "" : values.Type == "array" ? Extra((byte[])item) : Value("", item, values, true);
        }
        else if (Value(name, value, schema, false) is { } single)
        {
            into[name] = single;
        }
    }

    private static JsonNode? Value(string name, object value, Schema schema, bool isItem)
    {
        var keepsZero = isItem || MeaningfulZeros.Contains(name);
        if (schema.Quantity)
        {
            var text = Fields((byte[])value).Select(f => Text(f.Value)).FirstOrDefault();
            return text is null ? null : JsonValue.Create(text);
        }

        if (schema.IntOrString)
        {
            return IntOrString((byte[])value);
        }

        switch (schema.Type)
        {
            case "string" when schema.Format == "date-time":
                return Time((byte[])value);
            case "string" when schema.Format == "byte":
                return JsonValue.Create(Convert.ToBase64String((byte[])value));
            case "string":
                return Text(value) is { Length: > 0 } content || isItem ? JsonValue.Create(Text(value)) : null;
            case "boolean":
                return (ulong)value != 0 || keepsZero ? JsonValue.Create((ulong)value != 0) : null;
            case "integer":
                return (long)(ulong)value is var number && (number != 0 || keepsZero) ? JsonValue.Create(number) : null;
            case "number":
                return JsonValue.Create(BitConverter.UInt64BitsToDouble((ulong)value));
            case "object":
                var inner = new JsonObject();
                Message(inner, (byte[])value, schema.Name?.Split('.')[^1] ?? "", schema);
                return inner.Count > 0 || isItem || !AlwaysWrittenObjects.Contains(name) ? inner : null;
            default:
                // Raw JSON, in field 1.
                var raw = Fields((byte[])value).Select(f => f.Value as byte[]).FirstOrDefault();
                return raw is null ? null : JsonNode.Parse(raw);
        }
    }

    private static JsonNode IntOrString(byte[] bytes)
    {
        var (isText, number, text) = (false, 0L, "");
        foreach (var (field, value) in Fields(bytes))
        {
            switch (field)
            {
                case 1:
                    isText = (ulong)value == 1;
                    break;
                case 2:
                    number = (long)(ulong)value;
                    break;
                case 3:
                    text = Text(value);
                    break;
            }
        }

        return isText ? JsonValue.Create(text) : JsonValue.Create(number);
    }

    private static JsonNode? Time(byte[] bytes)
    {
        var seconds = Fields(bytes).Where(f => f.Number == 1).Select(f => (long)(ulong)f.Value).FirstOrDefault();
        // Go's zero time lies before all others.
        return bytes.Length == 0 || seconds < -62_000_000_000
            ? null
            : JsonValue.Create(DateTimeOffset.FromUnixTimeSeconds(seconds).ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture));
    }

    private static JsonArray Extra(byte[] bytes) => [.. Fields(bytes).Select(f => JsonValue.Create(Text(f.Value)))];

    private static (string Key, object? Value) Entry(byte[] bytes)
    {
        var (key, item) = ("", (object?)null);
        foreach (var (number, value) in Fields(bytes))
        {
            (key, item) = number == 1 ? (Text(value), item) : (key, value);
        }

        return (key, item);
    }

    private static string Text(object value) => Encoding.UTF8.GetString((byte[])value);

    private static List<(int Number, object Value)> Fields(byte[] bytes)
    {
        var fields = new List<(int, object)>();
        var input = new CodedInputStream(bytes);
        while (input.ReadTag() is var tag and not 0)
        {
            object? value = WireFormat.GetTagWireType(tag) switch
            {
                WireFormat.WireType.Varint => input.ReadUInt64(),
                WireFormat.WireType.Fixed64 => input.ReadFixed64(),
                WireFormat.WireType.Fixed32 => (ulong)input.ReadFixed32(),
                WireFormat.WireType.LengthDelimited => input.ReadBytes().ToByteArray(),
                _ => throw ApiException.BadRequest("the body is no protobuf message"),
            };
            fields.Add((WireFormat.GetTagFieldNumber(tag), value));
        }

        return fields;
    }
}
