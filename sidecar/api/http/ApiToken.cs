using System.Security.Cryptography;
using System.Text;
using DaprK8s.Sidecar.Invocation;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Sidecar.Api.Http;

/// <summary>The token that clients must show when <c>DAPR_API_TOKEN</c> is set (contract: security 4.1). Compared in constant time.</summary>
internal sealed class ApiToken(string token)
{
    private readonly byte[] expected = Encoding.UTF8.GetBytes(token);

    public bool IsRequired => expected.Length > 0;

    /// <summary>Whether an HTTP request shows the token, if there is one; the header is removed, so that it reaches nothing downstream.</summary>
    public bool Check(IHeaderDictionary headers)
    {
        var passes = !IsRequired || (headers.TryGetValue(HeaderRules.ApiToken, out var values) && values.Count > 0 && Matches(values[0]));
        headers.Remove(HeaderRules.ApiToken);
        return passes;
    }

    public bool Matches(string? shown) => CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(shown ?? ""), expected);
}
