using DaprK8s.EndToEnd.Tests.Fixture;

namespace DaprK8s.EndToEnd.Tests.Reload;

/// <summary>The resource files of a running sidecar, and documents for them.</summary>
internal static class Files
{
    /// <summary>Writes a file in one step, as a careful tool does.</summary>
    public static void Put(this Daprd daprd, string file, string yaml)
    {
        var path = Path.Combine(daprd.ResourcesDirectory, file);
        File.WriteAllText(path + ".new", yaml);
        File.Move(path + ".new", path, overwrite: true);
    }

    /// <summary>Writes a file as editors do: opened, emptied, written.</summary>
    public static void Overwrite(this Daprd daprd, string file, string yaml) => File.WriteAllText(Path.Combine(daprd.ResourcesDirectory, file), yaml);

    public static void Delete(this Daprd daprd, string file) => File.Delete(Path.Combine(daprd.ResourcesDirectory, file));

    public static string Endpoint(string name, int port) => $"""
        apiVersion: dapr.io/v1alpha1
        kind: HTTPEndpoint
        metadata:
          name: {name}
        spec:
          baseUrl: http://127.0.0.1:{port}
        """;

    public static string Subscription(string name, string pubsub, string topic, string route) => $$"""
        apiVersion: dapr.io/v2alpha1
        kind: Subscription
        metadata:
          name: {{name}}
        spec:
          pubsubname: {{pubsub}}
          topic: {{topic}}
          routes: {default: {{route}}}
        """;

    /// <summary>Waits until the metadata API shows a text, or doesn't.</summary>
    public static Task ShowsAsync(this Daprd daprd, string text, bool isThere = true)
        => Eventually.TrueAsync(
            async () => (await daprd.Http.GetStringAsync("/v1.0/metadata")).Contains(text, StringComparison.Ordinal) == isThere,
            $"metadata {(isThere ? "with" : "without")} {text}");
}
