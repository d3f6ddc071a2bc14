using System.Runtime.InteropServices;

namespace DaprK8s.Common.Hosting;

/// <summary>In Kubernetes no process that has an identity may run as root (contract: security 1.17).</summary>
public static class RootUser
{
    /// <summary>Set to exactly <c>true</c>, lets it run as root.</summary>
    public const string OverrideVariable = "DAPR_UNSAFE_SKIP_CONTAINER_UID_GID_CHECK";

    /// <summary>Why this process must not go on; nothing when it may. Only to be asked in Kubernetes mode.</summary>
    public static string? Refusal() => OperatingSystem.IsWindows() ? null : Refusal(EffectiveUser(), Environment.GetEnvironmentVariable(OverrideVariable));

    /// <summary>The same for a given user.</summary>
    /// <param name="user">The effective user id.</param>
    /// <param name="override">The value of <see cref="OverrideVariable"/>.</param>
    public static string? Refusal(uint user, string? @override) => user != 0 || @override == "true"
        ? null
        : "current user UID(0) is root. Dapr must be run as a non-root user in Kubernetes environments. To override this check, set the environment variable 'DAPR_UNSAFE_SKIP_CONTAINER_UID_GID_CHECK=true'";

    [DllImport("libc", EntryPoint = "geteuid")]
    private static extern uint EffectiveUser();
}
