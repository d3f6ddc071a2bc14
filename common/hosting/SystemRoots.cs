using System.Runtime.InteropServices;

namespace DaprK8s.Common.Hosting;

/// <summary>
/// The root certificates of the system. The runtime reads them all, several hundred files, when the first certificate is judged, even if
/// it is judged by roots of ours: that is most of the start of a service, and megabytes that nobody looks at.
/// </summary>
public static class SystemRoots
{
    /// <summary>
    /// Does without them for the rest of the process. To be called by a process none of whose peers is judged by them, before it has other
    /// threads at work and before any certificate is judged.
    /// </summary>
    public static void LeaveOut()
    {
        if (OperatingSystem.IsLinux())
        {
            // The runtime looks at the environment of the process, of which .NET only changes its own copy.
            _ = SetVariable("SSL_CERT_DIR\0"u8.ToArray(), [0], 1);
            _ = SetVariable("SSL_CERT_FILE\0"u8.ToArray(), [0], 1);
        }
    }

    [DllImport("libc", EntryPoint = "setenv")]
    private static extern int SetVariable(byte[] name, byte[] value, int overwrite);
}
