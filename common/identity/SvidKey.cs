namespace DaprK8s.Common.Identity;

/// <summary>The kind of key that a certificate is asked for with.</summary>
public enum SvidKey
{
    /// <summary>ECDSA P-256.</summary>
    EcdsaP256,

    /// <summary>RSA of 2048 bits, for servers that clients call which accept nothing else (contract: k8s 2.4).</summary>
    Rsa2048,
}
