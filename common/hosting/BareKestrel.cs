using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Abstractions;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace DaprK8s.Common.Hosting;

/// <summary>
/// Kestrel, and nothing around it: one handler takes every request. A web application host with routing and dependency injection on
/// top would cost more memory than the rest of an idle sidecar (ADR 004).
/// </summary>
public sealed class BareKestrel : IAsyncDisposable
{
    private readonly KestrelServer server;
    private readonly Application application;

    /// <summary>Makes a server; nothing is bound before it starts.</summary>
    /// <param name="options">Endpoints and limits.</param>
    /// <param name="transport">What accepts connections.</param>
    /// <param name="loggers">For Kestrel's own log.</param>
    /// <param name="handler">Takes every request.</param>
    public BareKestrel(KestrelServerOptions options, IConnectionListenerFactory transport, ILoggerFactory loggers, RequestDelegate handler)
    {
        server = new KestrelServer(Options.Create(options), transport, loggers);
        application = new Application(handler);
    }

    /// <summary>Binds and accepts.</summary>
    public Task StartAsync(CancellationToken cancellationToken) => server.StartAsync(application, cancellationToken);

    /// <summary>Stops accepting and waits for the requests in flight, until the token ends; then they are cut off.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => server.StopAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        server.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Makes the contexts; Kestrel keeps one a connection (HTTP/1.1) or stream (HTTP/2), which is used again.</summary>
    private sealed class Application(RequestDelegate handler) : IHttpApplication<HttpContext>
    {
        public HttpContext CreateContext(IFeatureCollection contextFeatures)
        {
            if (contextFeatures is not IHostContextContainer<HttpContext> container)
            {
                return new DefaultHttpContext(contextFeatures);
            }

            if (container.HostContext is DefaultHttpContext kept)
            {
                kept.Initialize(contextFeatures);
                return kept;
            }

            var context = new DefaultHttpContext(contextFeatures);
            container.HostContext = context;
            return context;
        }

        public Task ProcessRequestAsync(HttpContext context) => handler(context);

        public void DisposeContext(HttpContext context, Exception? exception) => ((DefaultHttpContext)context).Uninitialize();
    }
}
