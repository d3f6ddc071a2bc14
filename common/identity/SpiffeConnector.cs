using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;

namespace DaprK8s.Common.Identity;

/// <summary>
/// Opens a connection to a process of ours for <see cref="SocketsHttpHandler.ConnectCallback"/>, under TLS. The handler is told that the
/// stream is clear text, so requests go to <c>http://</c> addresses and speak HTTP/2 at once; the handler's own TLS would hold on to the
/// certificate that it was made with.
/// </summary>
public static class SpiffeConnector
{
    /// <summary>Connects and shakes hands.</summary>
    /// <param name="endpoint">Where to.</param>
    /// <param name="options">The handshake, see <see cref="TlsRoles.Client"/>.</param>
    /// <param name="verdict">The verdict that the options fill; its problem becomes the error's text.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="IdentityException">The handshake failed; the peer is not who it should be, or refuses us.</exception>
    /// <exception cref="SocketException">The peer can't be reached.</exception>
    public static async ValueTask<Stream> ConnectAsync(
        DnsEndPoint endpoint, SslClientAuthenticationOptions options, PeerVerdict verdict, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(endpoint, cancellationToken);
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        var tls = new SslStream(new NetworkStream(socket, ownsSocket: true));
        try
        {
            await tls.AuthenticateAsClientAsync(options, cancellationToken);
            return tls;
        }
        catch (Exception e)
        {
            await tls.DisposeAsync();
            if (verdict.Problem.Length > 0)
            {
                throw new IdentityException($"{endpoint.Host}:{endpoint.Port} is refused: {verdict.Problem}", e);
            }

            if (e is AuthenticationException or IOException)
            {
                throw new IdentityException(
                    $"no TLS with {endpoint.Host}:{endpoint.Port}: {e.InnerException?.Message ?? e.Message} (is mTLS on there, and are its trust anchors ours?)", e);
            }

            throw;
        }
    }
}
