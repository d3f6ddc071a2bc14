using System.Security.Cryptography;

namespace DaprK8s.Common.Identity.Jwt;

/// <summary>The hash that an algorithm's digits stand for.</summary>
internal static class HashNames
{
    public static HashAlgorithmName Of(string algorithm)
        => algorithm.AsSpan(2) switch
        {
            "256" => HashAlgorithmName.SHA256,
            "384" => HashAlgorithmName.SHA384,
            _ => HashAlgorithmName.SHA512,
        };
}
