using DaprK8s.EndToEnd.Tests.Fixture;

namespace DaprK8s.EndToEnd.Tests.Middleware;

/// <summary>The Configuration of a pipeline.</summary>
internal static class Pipelines
{
    /// <summary>A Configuration whose API pipeline has these handlers.</summary>
    public static string OfApi(params (string Name, string Type)[] handlers) => Of(("httpPipeline", handlers));

    /// <summary>A Configuration whose app pipeline has these handlers.</summary>
    public static string OfApp(params (string Name, string Type)[] handlers) => Of(("appHttpPipeline", handlers));

    private static string Of((string Pipeline, (string Name, string Type)[] Handlers) pipeline)
        => Resource.Configuration(
            $"{pipeline.Pipeline}:\n  handlers:\n" + string.Concat(pipeline.Handlers.Select(h => $"  - name: {h.Name}\n    type: middleware.http.{h.Type}\n")));

    /// <summary>A Component of a middleware.</summary>
    public static string Component(string name, string type, params (string Name, string Value)[] metadata)
        => Resource.Component(name, "middleware.http." + type, metadata);
}
