namespace DaprK8s.Common.Identity.Jwt;

/// <summary>
/// A token or a key set is refused. The message says why and names the failing claim in quotes, such as <c>"aud"</c>; it holds
/// nothing of the token, so that it may be logged and sent to the client.
/// </summary>
/// <param name="message">Why, without anything secret.</param>
/// <param name="inner">What lies below, if anything.</param>
public sealed class JwtException(string message, Exception? inner = null) : Exception(message, inner);
