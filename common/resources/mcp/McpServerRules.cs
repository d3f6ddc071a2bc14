using DaprK8s.Common.Text;

namespace DaprK8s.Common.Resources;

/// <summary>
/// What an MCPServer must keep to: the rules of its schema, which the API server applies in a cluster and the sidecar itself
/// elsewhere, and those that only the sidecar knows (contract: k8s 1.8, operations 3.7).
/// </summary>
public static class McpServerRules
{
    /// <summary>The message of <see cref="OneTransportRule"/>.</summary>
    public const string OneTransport = "exactly one of streamableHTTP, sse, or stdio must be set";

    /// <summary>The CEL rule over <c>spec.endpoint</c>.</summary>
    public const string OneTransportRule =
        "(has(self.streamableHTTP) ? 1 : 0) + (has(self.sse) ? 1 : 0) + (has(self.stdio) ? 1 : 0) == 1";

    /// <summary>What the schema refuses; empty when nothing.</summary>
    public static IReadOnlyList<ResourceProblem> CheckSchema(McpServer server)
    {
        List<ResourceProblem> problems = [];
        var endpoint = server.Spec.Endpoint;
        if ((endpoint.StreamableHTTP is null ? 0 : 1) + (endpoint.Sse is null ? 0 : 1) + (endpoint.Stdio is null ? 0 : 1) != 1)
        {
            problems.Add(new("spec.endpoint", OneTransport));
        }

        CheckHttp(endpoint.StreamableHTTP, "spec.endpoint.streamableHTTP", problems);
        CheckHttp(endpoint.Sse, "spec.endpoint.sse", problems);
        if (endpoint.Stdio is { } stdio)
        {
            CheckText(stdio.Command, "spec.endpoint.stdio.command", problems);
            CheckPairs(stdio.Env, "spec.endpoint.stdio.env", problems);
        }

        if (server.Spec.Middleware is { } middleware)
        {
            CheckHooks(middleware.BeforeCallTool?.Select(h => h.Workflow), "beforeCallTool", problems);
            CheckHooks(middleware.AfterCallTool?.Select(h => h.Workflow), "afterCallTool", problems);
            CheckHooks(middleware.BeforeListTools?.Select(h => h.Workflow), "beforeListTools", problems);
            CheckHooks(middleware.AfterListTools?.Select(h => h.Workflow), "afterListTools", problems);
        }

        return problems;
    }

    /// <summary>What the sidecar refuses before it uses a server, in the words of the contract; <see langword="null"/> when nothing.</summary>
    /// <param name="server">The server.</param>
    /// <param name="inKubernetes">Whether the sidecar runs in a cluster, where it must start no processes.</param>
    public static string? CheckSecurity(McpServer server, bool inKubernetes)
    {
        var endpoint = server.Spec.Endpoint;
        var problem = CheckUrl(endpoint.StreamableHTTP, "streamableHTTP") ?? CheckUrl(endpoint.Sse, "sse");
        if (problem is null && endpoint.Stdio is { } stdio)
        {
            problem = inKubernetes ? "stdio transport is not allowed in Kubernetes mode" : CheckProcess(stdio);
        }

        return problem is null ? null : $"MCPServer {GoQuote.Quote(server.Name)}: {problem}";
    }

    private static string? CheckUrl(McpHttpTransport? transport, string name)
    {
        if (transport is null)
        {
            return null;
        }

        // Uri takes "/path" for a file of this machine; here it is a URL without scheme, as the reference sees it.
        var colon = transport.Url.IndexOf("://", StringComparison.Ordinal);
        var scheme = colon < 0 ? "" : transport.Url[..colon].ToLowerInvariant();
        if (scheme is not ("http" or "https"))
        {
            return $"{name}.url scheme must be http or https, got {GoQuote.Quote(scheme)}";
        }

        var rest = transport.Url.AsSpan(colon + 3);
        var authority = rest.IndexOfAny('/', '?', '#') is var end and >= 0 ? rest[..end] : rest;
        var host = authority[(authority.LastIndexOf('@') + 1)..];
        return host.IsEmpty || host[0] == ':' ? $"{name}.url must have a host"
            : Uri.TryCreate(transport.Url, UriKind.Absolute, out _) ? null
            : $"{name}.url is not a valid URL: {GoQuote.Quote(transport.Url)}";
    }

    private static string? CheckProcess(McpStdioTransport stdio)
    {
        if (stdio.Command.Length == 0)
        {
            return "stdio.command must not be empty";
        }

        if (stdio.Command.Contains('/') && !Path.IsPathRooted(stdio.Command)
            && Path.GetRelativePath("/w", Path.GetFullPath(stdio.Command, "/w")).StartsWith("..", StringComparison.Ordinal))
        {
            return "stdio.command must not escape working directory";
        }

        var bad = stdio.Env?.Find(e => e.Name.AsSpan().ContainsAny('=', '\n', '\0'));
        return bad is null ? null : $"stdio.env name {GoQuote.Quote(bad.Name)} contains invalid characters";
    }

    private static void CheckHttp(McpHttpTransport? transport, string path, List<ResourceProblem> problems)
    {
        if (transport is null)
        {
            return;
        }

        CheckText(transport.Url, path + ".url", problems);
        CheckPairs(transport.Headers, path + ".headers", problems);
        if (transport.Timeout is { Length: > 0 } timeout && !GoDuration.TryParse(timeout, out _))
        {
            problems.Add(new(path + ".timeout", $"{GoQuote.Quote(timeout)} is no duration; write one such as 30s or 1m"));
        }

        if (transport.Auth?.Oauth2 is { } oauth2)
        {
            CheckText(oauth2.Issuer, path + ".auth.oauth2.issuer", problems);
        }

        if (transport.Auth?.Spiffe?.Jwt is { } jwt)
        {
            CheckText(jwt.Header, path + ".auth.spiffe.jwt.header", problems);
            CheckText(jwt.Audience, path + ".auth.spiffe.jwt.audience", problems);
        }
    }

    private static void CheckHooks(IEnumerable<McpHookWorkflow>? workflows, string name, List<ResourceProblem> problems)
    {
        foreach (var (index, workflow) in (workflows ?? []).Index())
        {
            CheckText(workflow.WorkflowName, $"spec.middleware.{name}[{index}].workflow.workflowName", problems);
        }
    }

    private static void CheckPairs(List<NameValuePair>? pairs, string path, List<ResourceProblem> problems)
    {
        foreach (var (index, pair) in (pairs ?? []).Index())
        {
            CheckText(pair.Name, $"{path}[{index}].name", problems);
        }
    }

    private static void CheckText(string? text, string path, List<ResourceProblem> problems)
    {
        if (string.IsNullOrEmpty(text))
        {
            problems.Add(new(path, "is required and must not be empty"));
        }
    }
}
