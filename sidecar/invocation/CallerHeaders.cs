using System.Net;
using System.Net.Sockets;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Common.Wire;
using DaprK8s.Sidecar.Wire;

namespace DaprK8s.Sidecar.Invocation;

/// <summary>
/// The headers that the caller's sidecar adds: who calls whom, and where from (contract: messaging 5.6). What a client sent under
/// these names was removed when its headers were read, in every spelling.
/// </summary>
internal sealed class CallerHeaders(SidecarInfo self, IPAddress hostAddress)
{
    private readonly string address = hostAddress.ToString();
    private readonly string host = Dns.GetHostName();
    private readonly string forwarded = Forwarded(hostAddress, Dns.GetHostName());

    public void StampRemote(HeaderList headers, string callee)
    {
        Append(headers, "X-Forwarded-For", address);
        Append(headers, "X-Forwarded-Host", host);
        Append(headers, "Forwarded", forwarded);
        headers.Add(HeaderRules.DestinationAppId, callee);
        Stamp(headers, callee);
    }

    public void StampLocal(HeaderList headers) => Stamp(headers, self.AppId);

    private void Stamp(HeaderList headers, string callee)
    {
        headers.Add(HeaderRules.CallerAppId, self.AppId);
        headers.Add(HeaderRules.CallerNamespace, self.Namespace);
        headers.Add(HeaderRules.CalleeAppId, callee);
    }

    private static void Append(HeaderList headers, string name, string value)
    {
        var index = headers.FindIndex(h => h.Key.Equals(name, StringComparison.OrdinalIgnoreCase));
        if (index < 0)
        {
            headers.Add(name, value);
        }
        else
        {
            headers[index] = new(headers[index].Key, headers[index].Value + ", " + value);
        }
    }

    private static string Forwarded(IPAddress address, string host)
    {
        var text = address.AddressFamily == AddressFamily.InterNetworkV6 ? $"\"[{address}]\"" : address.ToString();
        return $"for={text};by={text};host={host}";
    }
}
