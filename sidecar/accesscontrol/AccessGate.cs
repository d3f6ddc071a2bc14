using DaprK8s.Sidecar.Hosting;
using DaprK8s.Sidecar.Invocation;
using DaprK8s.Sidecar.Runtime;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.AccessControl;

/// <summary>
/// The door of the own app for calls from outside (contract: security 3.3, 3.10). Judges the normalised method, which must be the very
/// string that is then dispatched.
/// </summary>
/// <param name="lists">The access list that counts; without one everything passes.</param>
/// <param name="metrics">Counts.</param>
/// <param name="logger">Told of denials, for those who debug their policies.</param>
internal sealed partial class AccessGate(Live<AccessList?> lists, AccessMetrics metrics, ILogger logger)
{
    /// <summary>Judges a call.</summary>
    /// <param name="peer">What the peer's certificate says; nothing without one.</param>
    /// <param name="operation">The normalised method.</param>
    /// <param name="verb">The HTTP verb of a call for an HTTP app, <see cref="AccessList.NoVerb"/> for everything else.</param>
    /// <returns>The text of a denial, or nothing when the call may go on.</returns>
    public string? Refuse(PeerIdentity peer, string operation, string verb)
    {
        if (lists.Value is not { } list)
        {
            return null;
        }

        if (peer.Problem is { } problem)
        {
            return problem;
        }

        var decision = list.Decide(peer.Id, operation, verb);
        if (decision.IsAllowed && operation.Contains('%'))
        {
            // Escapes go on as they are, but most servers resolve them before they route: what an app makes of them must be allowed too.
            decision = list.Decide(peer.Id, MethodName.Clean(Uri.UnescapeDataString(operation)), verb);
        }

        metrics.Record(peer.Id, decision);
        if (decision.IsAllowed)
        {
            return null;
        }

        var text = $"access control policy has denied access to id: {peer.Id?.ToString() ?? ""} operation: {operation} verb: {verb}";
        LogDenied(text);
        return text;
    }

    [LoggerMessage(LogLevel.Debug, "{Text}")]
    private partial void LogDenied(string text);
}
