using System.Security.Cryptography;
using DaprK8s.Common.Identity;

namespace DaprK8s.Sentry.Tests.Server;

/// <summary>Where the keys of certificates come from.</summary>
public sealed class SvidKeysTests
{
    [Theory]
    [InlineData(SvidKey.Rsa2048, 2048)]
    [InlineData(SvidKey.EcdsaP256, 256)]
    public async Task Each_certificate_has_a_new_key_whether_it_was_begun_before_or_not(SvidKey kind, int bits)
    {
        var ahead = SvidKeys.Begin(kind);
        var onDemand = new SvidKeys(kind);
        var keys = new List<AsymmetricAlgorithm> { await ahead.NextAsync(), await ahead.NextAsync(), await onDemand.NextAsync(), await onDemand.NextAsync() };
        Assert.All(keys, k => Assert.Equal(bits, k.KeySize));
        Assert.All(keys, k => Assert.Equal(kind == SvidKey.Rsa2048, k is RSA));
        Assert.Equal(keys.Count, keys.Select(k => Convert.ToHexString(k.ExportSubjectPublicKeyInfo())).Distinct().Count());
        keys.ForEach(k => k.Dispose());
    }
}
