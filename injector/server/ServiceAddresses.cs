using System.Globalization;
using DaprK8s.Common.ControlPlane;

namespace DaprK8s.Injector.Server;

/// <summary>Addresses of Services in the control plane's namespace as sidecars in any namespace can use them (contract: k8s 3.12).</summary>
/// <param name="Namespace">The control plane's namespace.</param>
/// <param name="ClusterDomain">The cluster's DNS domain.</param>
internal sealed record ServiceAddresses(string Namespace, string ClusterDomain)
{
    /// <summary>A Service's address.</summary>
    public string Of(string service, int port) => string.Create(CultureInfo.InvariantCulture, $"{service}.{Namespace}.svc.{ClusterDomain}:{port}");

    /// <summary>A Service's address, from <c>service:port</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="kind">What kind of service it is, for the error.</param>
    /// <exception cref="OptionException">It is none.</exception>
    public string Parse(string text, string kind)
    {
        var refusal = $"failed to parse configuration: invalid value for {kind} service address: service is not in the correct format '<name>:<port>': ";
        if (text.Split(':', 2) is not [{ Length: > 0 } service, { Length: > 0 } port])
        {
            throw new OptionException(refusal + text);
        }

        return int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= ushort.MaxValue
            ? Of(service, number) : throw new OptionException(refusal + "port is invalid");
    }
}
