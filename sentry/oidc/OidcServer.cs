using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DaprK8s.Common.Hosting;
using DaprK8s.Common.Identity;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace DaprK8s.Sentry.Oidc;

/// <summary>
/// The server of OIDC discovery. It waits for its certificate, and reads it again when the files change, at most once in five seconds.
/// </summary>
internal sealed class OidcServer(OidcOptions options, OidcEndpoint endpoint, ILoggerFactory loggers, TimeProvider time)
{
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ShutdownLimit = TimeSpan.FromSeconds(5);

    private readonly ILogger logger = loggers.CreateLogger("dapr.sentry.server.oidc");
    private volatile SslStreamCertificateContext? certificate;
    private DateTime read;

    /// <summary>Whether requests are served.</summary>
    public bool IsRunning { get; private set; }

    /// <summary>Serves until cancellation.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (options.HasTls && !TryReadCertificate())
        {
            await Task.Delay(Poll, time, cancellationToken);
        }

        var sockets = await BoundSockets.BindAsync([options.Address], options.Port, time, cancellationToken);
        var kestrel = new KestrelServerOptions { AddServerHeader = false };
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        foreach (var socket in sockets)
        {
            kestrel.Listen((IPEndPoint)socket.LocalEndPoint!, Configure);
        }

        var transport = new SocketTransportOptions
        {
            CreateBoundListenSocket = e => sockets.First(s => s.LocalEndPoint!.Equals(e)),
        };
        await using var server = new BareKestrel(
            kestrel, new SocketTransportFactory(Options.Create(transport), loggers), loggers, endpoint.HandleAsync);
        await server.StartAsync(cancellationToken);
        IsRunning = true;
        logger.LogInformation("OIDC server is running on {Address}:{Port}", options.Address, options.Port);
        try
        {
            while (true)
            {
                await Task.Delay(Poll, time, cancellationToken);
                TryReadCertificate();
            }
        }
        finally
        {
            IsRunning = false;
            using var limit = new CancellationTokenSource(ShutdownLimit, time);
            await server.StopAsync(limit.Token);
        }
    }

    private void Configure(ListenOptions listen)
    {
        listen.Protocols = HttpProtocols.Http1;
        if (options.HasTls)
        {
            // Kestrel's own TLS needs services of a web application host; this one tells requests that they came by TLS.
            listen.Use(new TlsTransport((_, _) => ValueTask.FromResult(Handshake()), judgesPeers: false, time, logger).Wrap);
            listen.Use(next => connection =>
            {
                connection.Features.Set<ITlsConnectionFeature>(new TlsConnectionFeature());
                return next(connection);
            });
        }
    }

    private SslServerAuthenticationOptions Handshake()
        => new()
        {
            ServerCertificateContext = certificate,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ApplicationProtocols = [SslApplicationProtocol.Http11],
        };

    private bool TryReadCertificate()
    {
        if (!options.HasTls)
        {
            return false;
        }

        try
        {
            var written = Later(File.GetLastWriteTimeUtc(options.CertificateFile), File.GetLastWriteTimeUtc(options.KeyFile));
            if (!File.Exists(options.CertificateFile) || !File.Exists(options.KeyFile) || written == read)
            {
                return certificate is not null;
            }

            var chain = new X509Certificate2Collection();
            chain.ImportFromPemFile(options.CertificateFile);
            certificate = SslStreamCertificateContext.Create(
                X509Certificate2.CreateFromPemFile(options.CertificateFile, options.KeyFile), chain, offline: true);
            read = written;
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            logger.LogError("the certificate of the OIDC server can't be read: {Error}", e.Message);
        }

        return certificate is not null;
    }

    private static DateTime Later(DateTime a, DateTime b) => a > b ? a : b;
}
