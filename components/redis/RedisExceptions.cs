using StackExchange.Redis;

namespace DaprK8s.Components.Redis;

/// <summary>Tells the failures of the client library apart.</summary>
internal static class RedisExceptions
{
    /// <summary>The command was not sent: trying again cannot apply it twice.</summary>
    public static bool NeverLeft(this RedisConnectionException e)
        => e.CommandStatus is CommandStatus.WaitingToBeSent or CommandStatus.WaitingInBacklog;

    /// <summary>The server answered with an error of this kind, which is the first word of its text.</summary>
    public static bool Says(this RedisServerException e, string kind)
        => e.Message.StartsWith(kind, StringComparison.Ordinal)
            && (e.Message.Length == kind.Length || e.Message[kind.Length] == ' ');
}
