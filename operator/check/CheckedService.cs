using System.Net;
using DaprK8s.Common.Identity;

namespace DaprK8s.Operator.Check;

/// <summary>A service of the control plane, and who has to answer there.</summary>
/// <param name="Name">What it is called in the report.</param>
/// <param name="Address">Where it is.</param>
/// <param name="Id">Its identity.</param>
/// <param name="DnsName">The name that its certificate must have besides, as the API server asks for one; empty for none.</param>
internal sealed record CheckedService(string Name, DnsEndPoint Address, SpiffeId Id, string DnsName);
