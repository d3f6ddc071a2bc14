using System.Runtime.InteropServices;
using System.Text;

namespace DaprK8s.Components.NameResolution.Local;

/// <summary>
/// What Linux says of a path itself, links not followed; .NET tells a file's mode but not its owner.
/// </summary>
/// <param name="Owner">The owner's user id.</param>
/// <param name="Mode">Kind and permissions.</param>
/// <param name="Size">The size in bytes.</param>
internal readonly record struct FileFacts(uint Owner, ushort Mode, long Size)
{
    private const int KindMask = 0xf000;
    private const int DirectoryKind = 0x4000;
    private const int RegularKind = 0x8000;
    private const UnixFileMode OthersMayWrite = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;

    // Of fcntl.h and stat.h.
    private const int RelativeToWorkingDirectory = -100;
    private const int DoNotFollowLinks = 0x100;
    private const uint KindModeOwnerAndSize = 0x1 | 0x2 | 0x8 | 0x200;

    /// <summary>Whether it is a directory, and no link to one.</summary>
    public bool IsDirectory => (Mode & KindMask) == DirectoryKind;

    /// <summary>Whether it is an ordinary file: no link, no pipe, no device.</summary>
    public bool IsRegularFile => (Mode & KindMask) == RegularKind;

    /// <summary>Whether it belongs to the user of this process, and nobody else may change it.</summary>
    public bool IsPrivate => Owner == EffectiveUser() && ((UnixFileMode)Mode & OthersMayWrite) == 0;

    /// <summary>The user that this process acts as.</summary>
    [DllImport("libc", EntryPoint = "geteuid")]
    public static extern uint EffectiveUser();

    /// <summary>Asks the kernel.</summary>
    /// <returns><see langword="false"/> when there is no such path, or it may not be looked at.</returns>
    public static bool TryGet(string path, out FileFacts facts)
    {
        // struct statx has one layout on every machine, unlike struct stat.
        var answer = new byte[256];
        byte[] terminatedPath = [.. Encoding.UTF8.GetBytes(path), 0];
        var found = Statx(RelativeToWorkingDirectory, terminatedPath, DoNotFollowLinks, KindModeOwnerAndSize, answer) == 0;
        facts = found
            ? new FileFacts(MemoryMarshal.Read<uint>(answer.AsSpan(20)), MemoryMarshal.Read<ushort>(answer.AsSpan(28)), MemoryMarshal.Read<long>(answer.AsSpan(40)))
            : default;
        return found;
    }

    [DllImport("libc", EntryPoint = "statx")]
    private static extern int Statx(int directory, byte[] path, int flags, uint mask, byte[] answer);
}
