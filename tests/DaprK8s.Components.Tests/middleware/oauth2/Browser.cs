namespace DaprK8s.Components.Tests.Middleware.OAuth2;

/// <summary>A user with a browser of its own: it keeps the one cookie that the middleware sets.</summary>
internal sealed class Browser(OneMiddleware server)
{
    public string? Cookie { get; set; }

    public string? Host { get; init; }

    public async Task<HttpResponseMessage> GetAsync(string target, params (string Name, string Value)[] headers)
    {
        var own = target.StartsWith("http", StringComparison.Ordinal) ? new Uri(target).PathAndQuery : target;
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(server.Url + own, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        request.Headers.Host = Host;
        if (Cookie is not null)
        {
            request.Headers.Add("Cookie", Cookie);
        }

        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        var answer = await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
        if (answer.Headers.TryGetValues("Set-Cookie", out var cookies))
        {
            Cookie = cookies.Single().Split(';')[0];
        }

        return answer;
    }

    public async Task<string> TextAsync(string target)
    {
        using var answer = await GetAsync(target);
        return await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Goes where a redirect leads, logs in there, and says where that leads.</summary>
    public async Task<string> LogInAsync(HttpResponseMessage redirect)
    {
        using var answer = await server.Client.GetAsync(redirect.Headers.Location, TestContext.Current.CancellationToken);
        return answer.Headers.Location!.OriginalString;
    }
}
