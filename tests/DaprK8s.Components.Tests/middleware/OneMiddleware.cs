using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.Tests.Middleware;

/// <summary>A server whose requests go through one middleware and then, if it lets them, to an app.</summary>
internal sealed class OneMiddleware : IAsyncDisposable
{
    private readonly WebApplication server;
    private readonly IHttpMiddleware? middleware;
    private int reached;

    private OneMiddleware(WebApplication server, IHttpMiddleware? middleware)
    {
        this.server = server;
        this.middleware = middleware;
    }

    /// <summary>Address of the server, without a slash at the end.</summary>
    public string Url => server.Urls.First();

    /// <summary>Requests that the app has got.</summary>
    public int Reached => Volatile.Read(ref reached);

    /// <summary>A client that follows no redirects and keeps no cookies.</summary>
    public HttpClient Client { get; } = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });

    public static async Task<OneMiddleware> StartAsync(IHttpMiddleware? middleware, RequestDelegate app)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var server = builder.Build();
        var self = new OneMiddleware(server, middleware);
        RequestDelegate counted = context =>
        {
            Interlocked.Increment(ref self.reached);
            return app(context);
        };
        server.Run(middleware is null ? counted : context => middleware.InvokeAsync(context, counted));
        await server.StartAsync(TestContext.Current.CancellationToken);
        self.Client.BaseAddress = new Uri(self.Url);
        return self;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await server.StopAsync(new CancellationToken(canceled: true));
        await server.DisposeAsync();
        if (middleware is not null)
        {
            await middleware.DisposeAsync();
        }
    }
}
