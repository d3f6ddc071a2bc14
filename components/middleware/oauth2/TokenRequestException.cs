namespace DaprK8s.Components.Middleware.OAuth2;

/// <summary>A token endpoint gave no token. The message holds nothing of the request, and of the answer no more than the error's code.</summary>
/// <param name="message">What happened.</param>
/// <param name="refused">The server understood and refused, perhaps because it wants the client's credentials elsewhere.</param>
internal sealed class TokenRequestException(string message, bool refused) : Exception(message)
{
    public bool Refused { get; } = refused;
}
