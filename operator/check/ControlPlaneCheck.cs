using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using DaprK8s.Common.Identity;

namespace DaprK8s.Operator.Check;

/// <summary>
/// Asks each service of the control plane for its certificate, as sidecars and the API server do, and judges it by the trust anchors. It
/// needs no identity of its own.
/// </summary>
/// <param name="anchors">What certificates must chain to.</param>
/// <param name="patience">How long services that are still starting are waited for.</param>
/// <param name="output">Takes a line for each service.</param>
/// <param name="time">The clock.</param>
internal sealed class ControlPlaneCheck(TrustAnchors anchors, TimeSpan patience, TextWriter output, TimeProvider time)
{
    private static readonly TimeSpan Attempt = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    /// <summary>Checks all.</summary>
    /// <returns>Whether all are as they should be.</returns>
    public async Task<bool> RunAsync(IEnumerable<CheckedService> services, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(patience, time);
        var good = true;
        foreach (var service in services)
        {
            var problem = await FindAsync(service, limit.Token, cancellationToken);
            await output.WriteLineAsync(problem.Length == 0
                ? $"ok      {service.Name} at {service.Address.Host}:{service.Address.Port} is {service.Id}" : $"FAILED  {service.Name}: {problem}");
            good &= problem.Length == 0;
        }

        return good;
    }

    private async Task<string> FindAsync(CheckedService service, CancellationToken limit, CancellationToken cancellationToken)
    {
        while (true)
        {
            var problem = await TryAsync(service, cancellationToken);
            if (problem.Length == 0 || limit.IsCancellationRequested)
            {
                return problem;
            }

            await Task.Delay(Pause, time, cancellationToken);
        }
    }

    private async Task<string> TryAsync(CheckedService service, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(Attempt, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        var verdict = new PeerVerdict();
        var options = TlsRoles.Client(null, anchors, PeerRule.Exact(service.Id), service.Address.Host, verdict);
        // Webhooks don't speak HTTP/2, and nothing is asked for here.
        options.ApplicationProtocols = [];
        try
        {
            await using var stream = await SpiffeConnector.ConnectAsync(service.Address, options, verdict, either.Token);
            return service.DnsName.Length == 0 || ((SslStream)stream).RemoteCertificate is X509Certificate2 certificate && certificate.MatchesHostname(service.DnsName)
                ? "" : $"its certificate is not for {service.DnsName}, so that the API server refuses it";
        }
        catch (Exception e) when (e is IdentityException or SocketException)
        {
            return e is SocketException ? $"{service.Address.Host}:{service.Address.Port} can't be reached: {e.Message}" : e.Message;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return $"{service.Address.Host}:{service.Address.Port} does not answer within {Attempt.TotalSeconds:0} s";
        }
    }
}
