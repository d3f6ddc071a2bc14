using System.Text;
using System.Text.Json;
using DaprK8s.Common.Resources;
using DaprK8s.Components.Metadata;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Logging;
using YamlDotNet.Core;

namespace DaprK8s.Components.Middleware.RouterAlias;

/// <summary>
/// Gives API paths other names: a path that an alias matches is replaced by the one it stands for, and the alias's variables become
/// query parameters (contract: security 6). What matches no alias passes unchanged.
/// </summary>
internal sealed class RouterAliasMiddleware : IHttpMiddleware
{
    internal const string RoutesName = "routes";

    private static readonly MetadataField<string> Routes = Field.Text(
        RoutesName, "A JSON or YAML map from path patterns, such as /orders/{id}, to paths. Patterns as metadata items of their own still work, but are deprecated.");

    private RouteTable routes = new([]);

    public static ProviderDescriptor Describe()
        => new("Maps paths to other paths, for apps that do not know Dapr's.", [Routes], () => new RouterAliasMiddleware());

    public Task InitAsync(ComponentContext context, CancellationToken cancellationToken)
    {
        List<KeyValuePair<string, string>> all = [.. Parse(context.Metadata.Get(Routes))];
        var old = context.Metadata.Items.Where(i => !i.Key.Equals(RoutesName, StringComparison.OrdinalIgnoreCase)).ToArray();
        if (old.Length > 0)
        {
            context.Logger.LogWarning("{Component}: routes as metadata items of their own are deprecated; use the property 'routes'", context.LogName);
            all.AddRange(old);
        }

        if (all.Exists(r => r.Key.Length == 0 || r.Value.Length == 0))
        {
            throw new ComponentMetadataException(RoutesName, "invalid key/value pair in metadata: must not be empty");
        }

        routes = new RouteTable(all);
        return Task.CompletedTask;
    }

    public Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        var request = context.Request;
        if (routes.Find(request.Path.Value ?? "") is var (target, variables))
        {
            Rewrite(request, target, variables);
        }

        return next(context);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static void Rewrite(HttpRequest request, string target, IReadOnlyList<KeyValuePair<string, string>> variables)
    {
        var parts = target.Split('?', 2);
        request.Path = PathString.FromUriComponent(parts[0].StartsWith('/') ? parts[0] : "/" + parts[0]);
        if (variables.Count == 0 && parts.Length == 1)
        {
            return;
        }

        var given = QueryHelpers.ParseQuery(request.QueryString.Value).SelectMany(p => p.Value, (p, value) => new KeyValuePair<string, string>(p.Key, value ?? ""));
        var fixedOnes = QueryHelpers.ParseQuery(parts.Length > 1 ? parts[1] : "").SelectMany(p => p.Value, (p, value) => new KeyValuePair<string, string>(p.Key, value ?? ""));
        var query = new StringBuilder();
        foreach (var (name, value) in given.Concat(fixedOnes).Concat(variables).OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            query.Append(query.Length == 0 ? '?' : '&').Append(Uri.EscapeDataString(name)).Append('=').Append(Uri.EscapeDataString(value));
        }

        request.QueryString = new QueryString(query.ToString());
    }

    private static IEnumerable<KeyValuePair<string, string>> Parse(string text)
    {
        if (text.Trim().Length == 0)
        {
            return [];
        }

        try
        {
            using var document = JsonDocument.Parse(YamlJson.Convert(text) ?? "{}"u8.ToArray());
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? [.. document.RootElement.EnumerateObject().Select(p => new KeyValuePair<string, string>(p.Name, p.Value.ToString()))]
                : throw Undecodable("it is no map");
        }
        catch (Exception e) when (e is YamlException or JsonException)
        {
            throw Undecodable(e.Message);
        }
    }

    private static ComponentMetadataException Undecodable(string problem)
        => new(RoutesName, $"failed to decode 'routes' property as JSON or YAML: {problem}");
}
