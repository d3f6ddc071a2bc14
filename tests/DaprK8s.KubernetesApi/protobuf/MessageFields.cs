using System.Reflection;

namespace DaprK8s.KubernetesApi.Protobuf;

/// <summary>Which JSON field a number of a protobuf message is.</summary>
internal static class MessageFields
{
    private static readonly Dictionary<string, string[]> Messages = Read();

    /// <summary>The name, or nothing for a number or a message that is not known.</summary>
    public static string? Name(string message, int number)
        => Messages.TryGetValue(message, out var fields) && number <= fields.Length && fields[number - 1] != "_" ? fields[number - 1] : null;

    private static Dictionary<string, string[]> Read()
    {
        using var resource = Assembly.GetExecutingAssembly().GetManifestResourceStream("messages.txt")!;
        using var reader = new StreamReader(resource);
        var messages = new Dictionary<string, string[]>();
        while (reader.ReadLine() is { } line)
        {
            if (!line.StartsWith('#') && line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [var name, .. var fields])
            {
                messages[name] = fields;
            }
        }

        return messages;
    }
}
