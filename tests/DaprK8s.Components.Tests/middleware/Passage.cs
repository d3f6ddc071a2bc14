using System.Net;
using System.Text;
using DaprK8s.Components.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace DaprK8s.Components.Tests.Middleware;

/// <summary>One request sent through one middleware without a server, and what became of it.</summary>
internal sealed class Passage
{
    private readonly MemoryStream answer = new();

    private Passage(DefaultHttpContext context) => Context = context;

    public DefaultHttpContext Context { get; }

    /// <summary>Whether the request came out at the other end.</summary>
    public bool Passed { get; private set; }

    /// <summary>The body as the app saw it.</summary>
    public string Seen { get; private set; } = "";

    public int Status => Context.Response.StatusCode;

    public string Answer => Encoding.UTF8.GetString(answer.ToArray());

    public string Target => Context.Request.Path.ToUriComponent() + Context.Request.QueryString;

    public static async Task<IHttpMiddleware> MakeAsync(string name, params (string Name, string Value)[] metadata)
        => await ComponentUnderTest.StartAsync<IHttpMiddleware>("middleware.http." + name, metadata.Select(m => new KeyValuePair<string, string>(m.Name, m.Value)));

    /// <summary>Sends a request.</summary>
    /// <param name="middleware">What it passes.</param>
    /// <param name="target">Path and query as a client writes them.</param>
    /// <param name="body">Its body.</param>
    /// <param name="peer">The client's address, if known.</param>
    /// <param name="headers">Its headers.</param>
    /// <param name="app">What lies behind; answers nothing when left out.</param>
    public static async Task<Passage> ThroughAsync(
        IHttpMiddleware middleware, string target, string body = "", string? peer = null, (string Name, string Value)[]? headers = null, RequestDelegate? app = null)
    {
        var context = new DefaultHttpContext();
        var passage = new Passage(context);
        var parts = target.Split('?', 2);
        context.Request.Method = body.Length > 0 ? "POST" : "GET";
        context.Request.Path = PathString.FromUriComponent(parts[0]);
        context.Request.QueryString = new QueryString(parts.Length > 1 ? "?" + parts[1] : "");
        context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget = target;
        context.Request.Body = body.Length > 0 ? new MemoryStream(Encoding.UTF8.GetBytes(body)) : Stream.Null;
        context.Response.Body = passage.answer;
        context.Connection.RemoteIpAddress = peer is null ? null : IPAddress.Parse(peer);
        foreach (var (name, value) in headers ?? [])
        {
            context.Request.Headers.Append(name, value);
        }

        await middleware.InvokeAsync(context, async passed =>
        {
            passage.Passed = true;
            using var reader = new StreamReader(passed.Request.Body);
            passage.Seen = await reader.ReadToEndAsync();
            await (app?.Invoke(passed) ?? Task.CompletedTask);
        });
        return passage;
    }
}
