using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using YamlDotNet.Core;

namespace DaprK8s.Common.Resources;

/// <summary>Everything that the resource directories hold, in file and document order, before scopes and duplicates are looked at.</summary>
/// <param name="Components">Component resources.</param>
/// <param name="HttpEndpoints">HTTPEndpoint resources.</param>
/// <param name="Subscriptions">Subscription resources of both versions.</param>
/// <param name="Others">Resiliency, MCPServer and WorkflowAccessPolicy resources.</param>
public sealed record ResourceSet(
    List<Component> Components, List<HttpEndpoint> HttpEndpoints, List<Subscription> Subscriptions, List<UntypedResource> Others)
{
    /// <summary>A set without anything in it.</summary>
    public static ResourceSet CreateEmpty() => new([], [], [], []);

    /// <summary>Those of a kind, by its name in manifests.</summary>
    public IReadOnlyList<Resource> OfKind(string kind)
        => kind switch
        {
            "Component" => Components,
            "HTTPEndpoint" => HttpEndpoints,
            "Subscription" => Subscriptions,
            _ => Others.FindAll(o => o.Kind == kind),
        };

    /// <summary>Appends another set.</summary>
    public void Add(ResourceSet other)
    {
        Components.AddRange(other.Components);
        HttpEndpoints.AddRange(other.HttpEndpoints);
        Subscriptions.AddRange(other.Subscriptions);
        Others.AddRange(other.Others);
    }
}

/// <summary>Loads resources from directories (contract: operations 3.1, 3.2).</summary>
public static partial class ResourceFiles
{
    /// <summary>Larger files are refused: no resource is that big, and YAML anchors multiply.</summary>
    private const long MaxFileBytes = 4 << 20;

    /// <summary>
    /// Reads every <c>.yaml</c>/<c>.yml</c> file of the directories, in the order given, files by name, documents in order.
    /// A document that does not parse is warned about and left out; the others of its file still load.
    /// </summary>
    /// <param name="directories">The directories; not searched recursively.</param>
    /// <param name="ownNamespace">Documents of another namespace are left out, unless this is empty.</param>
    /// <param name="logger">Where warnings go.</param>
    /// <exception cref="ResourceException">A directory can't be read.</exception>
    public static ResourceSet Load(IEnumerable<string> directories, string ownNamespace, ILogger logger)
    {
        var set = ResourceSet.CreateEmpty();
        foreach (var directory in directories)
        {
            foreach (var file in FilesOf(directory))
            {
                if (!IsYaml(file))
                {
                    logger.LogWarning("A non-YAML Component file {File} was detected, it will not be loaded", file);
                    continue;
                }

                var read = ReadFile(file, ownNamespace);
                foreach (var problem in read.Problems)
                {
                    logger.LogWarning("{Problem}", problem);
                }

                set.Add(read.Resources);
            }
        }

        return set;
    }

    /// <summary>Splits a text into its YAML documents at lines that begin with <c>---</c>.</summary>
    public static IEnumerable<string> SplitDocuments(string text) => DocumentSeparator().Split(text);

    /// <summary>The files of a directory, by name.</summary>
    /// <exception cref="ResourceException">It can't be read.</exception>
    public static IReadOnlyList<string> FilesOf(string directory)
    {
        try
        {
            var files = Directory.GetFiles(directory);
            Array.Sort(files, StringComparer.Ordinal);
            return files;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new ResourceException($"failed to load components: can't read the resources path {directory}: {e.Message}", e);
        }
    }

    /// <summary>Whether a file is one that resources are read from.</summary>
    public static bool IsYaml(string file) => Path.GetExtension(file).ToLowerInvariant() is ".yaml" or ".yml";

    /// <summary>Reads one file.</summary>
    /// <param name="file">Its path.</param>
    /// <param name="ownNamespace">Documents of another namespace are left out, unless this is empty.</param>
    public static ResourceFile ReadFile(string file, string ownNamespace)
    {
        try
        {
            if (new FileInfo(file).Length > MaxFileBytes)
            {
                return ResourceFile.Unreadable(file, $"daprd load error when reading {file}: the file is larger than {MaxFileBytes} bytes");
            }

            return Parse(file, File.ReadAllText(file), ownNamespace);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return ResourceFile.Unreadable(file, $"daprd load error when reading file {file}: {e.Message}");
        }
    }

    private static ResourceFile Parse(string file, string text, string ownNamespace)
    {
        var set = ResourceSet.CreateEmpty();
        List<string> problems = [];
        long line = 0;
        foreach (var document in SplitDocuments(text))
        {
            try
            {
                Add(document, file, ownNamespace, set);
            }
            catch (Exception e) when (e is YamlException or JsonException or ResourceException)
            {
                problems.Add($"daprd load error when parsing manifests yaml resource in {file}: {Describe(e, line)}");
            }

            // A separator is a line of its own; positions are told as an editor counts them.
            line += document.AsSpan().Count('\n') + 1;
        }

        return new ResourceFile(file, set, problems) { IsBlank = string.IsNullOrWhiteSpace(text) };
    }

    private static void Add(string document, string file, string ownNamespace, ResourceSet set)
    {
        if (YamlJson.Convert(document) is not { } json || JsonNode.Parse(json) is not JsonObject root)
        {
            return;
        }

        var apiVersion = Text(root, "apiVersion");
        var kind = Text(root, "kind");
        var v1 = apiVersion == "dapr.io/v1alpha1";
        Resource? resource = kind switch
        {
            "Component" when v1 => JsonSerializer.Deserialize(json, ResourceJson.Default.Component),
            "HTTPEndpoint" when v1 => JsonSerializer.Deserialize(json, ResourceJson.Default.HttpEndpoint),
            "Subscription" when v1 || apiVersion == "dapr.io/v2alpha1" => JsonSerializer.Deserialize(json, ResourceJson.Default.Subscription),
            "Resiliency" or "MCPServer" or "WorkflowAccessPolicy" when v1 => JsonSerializer.Deserialize(json, ResourceJson.Default.UntypedResource),
            _ => null,
        };
        if (resource is null)
        {
            return;
        }

        resource.Source = file;
        var isSubscription = resource is Subscription;
        if (!isSubscription && ownNamespace.Length > 0 && resource.Metadata.Namespace is { Length: > 0 } other && other != ownNamespace)
        {
            return;
        }

        CheckName(resource, kind);
        switch (resource)
        {
            case Component component:
                set.Components.Add(component);
                break;
            case HttpEndpoint endpoint:
                set.HttpEndpoints.Add(endpoint);
                break;
            case Subscription subscription:
                set.Subscriptions.Add(subscription);
                break;
            case UntypedResource untyped:
                set.Others.Add(untyped);
                break;
        }
    }

    private static void CheckName(Resource resource, string kind)
    {
        var name = resource.Name;
        var problem = name switch
        {
            "" when resource is Subscription => null,
            "" => "may not be empty",
            "." or ".." => $"may not be '{name}'",
            _ when name.Contains('/') => "may not contain '/'",
            _ when name.Contains('%') => "may not contain '%'",
            _ => null,
        };
        if (problem is not null)
        {
            throw new ResourceException($"invalid name \"{name}\" for \"{kind}\": {problem}");
        }
    }

    private static string Text(JsonObject root, string name)
        => root.FirstOrDefault(p => p.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value is JsonValue value
            && value.TryGetValue<string>(out var text) ? text : "";

    private static string Describe(Exception e, long linesBefore)
        => e is YamlException yaml ? $"line {linesBefore + yaml.Start.Line}, column {yaml.Start.Column}: {yaml.InnerException?.Message ?? yaml.Message}" : e.Message;

    [GeneratedRegex(@"(?:^|\r?\n)---[^\S\n]*(?=\r?\n|$|#)|(?:^|\r?\n)---[^\S\n]+(?=\S)")]
    private static partial Regex DocumentSeparator();
}

/// <summary>A resource, or the place that it is read from, is wrong.</summary>
public sealed class ResourceException(string message, Exception? inner = null) : Exception(message, inner);
