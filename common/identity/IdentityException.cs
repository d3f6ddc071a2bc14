namespace DaprK8s.Common.Identity;

/// <summary>An identity, or the material it rests on, is wrong. The text says what and never holds a key or a token.</summary>
public sealed class IdentityException(string message, Exception? cause = null) : Exception(message, cause);
