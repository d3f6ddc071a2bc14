namespace DaprK8s.Components.Middleware.OAuth2;

/// <summary>An access token as a token endpoint gave it.</summary>
/// <param name="HeaderValue">Its type, a space and the token: the value of an <c>Authorization</c> header. A secret.</param>
/// <param name="Lifetime">How long it is good for, if the server said so.</param>
internal sealed record OAuth2Token(string HeaderValue, TimeSpan? Lifetime)
{
    // A record writes its members out, and this one holds a secret.
    public override string ToString() => nameof(OAuth2Token);
}
