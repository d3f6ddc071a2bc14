using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.Versioning;
using System.Text;

namespace DaprK8s.Components.NameResolution.Local;

/// <summary>
/// The directory tree of the registry, which belongs to one user: <c>$XDG_RUNTIME_DIR/dapr-k8s/peers</c>, or the same below
/// a directory of that user's in the temporary path. A part of it that belongs to somebody else, that others may write to
/// or that is a link is refused; behind one that passed nobody else can put anything.
/// </summary>
internal sealed class PeerDirectory
{
    // A file name's limit on every file system, less what an atomic write puts around it.
    private const int MaxDirectoryName = 200;

    private readonly string peers;

    private PeerDirectory(string home)
    {
        Home = home;
        peers = Path.Combine(home, "peers");
    }

    /// <summary>The tree's root, for people.</summary>
    public string Home { get; }

    /// <summary>Finds the tree and makes what is missing of it.</summary>
    /// <param name="runtimeDirectory">Where to look instead of the environment's <c>XDG_RUNTIME_DIR</c>.</param>
    /// <param name="refused">Why there is none.</param>
    public static PeerDirectory? TryOpen(string? runtimeDirectory, out string refused)
    {
        try
        {
            var home = OperatingSystem.IsLinux() ? FindHome(runtimeDirectory, out refused) : FindProfile(out refused);
            if (home is null)
            {
                return null;
            }

            PeerDirectory directory = new(home);
            if (TryMake(home, out refused) && TryMake(directory.peers, out refused))
            {
                return directory;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or DllNotFoundException or EntryPointNotFoundException)
        {
            refused = e.Message;
        }

        return null;
    }

    /// <summary>The directory of an app id, which need not exist; <see langword="null"/> when the id cannot name one.</summary>
    public string? DirectoryOf(string appId) => EncodeName(appId) is { } name ? Path.Combine(peers, name) : null;

    /// <summary>The app ids that have a directory, with its path.</summary>
    public IEnumerable<(string AppId, string Path)> List()
        => Directory.EnumerateDirectories(peers).Select(d => (AppId: DecodeName(Path.GetFileName(d)), Path: d)).Where(d => d.AppId is not null)!;

    /// <summary>Makes a private directory, or checks the one that is there.</summary>
    /// <returns><see langword="false"/>, with the reason, when what is there can't be trusted.</returns>
    public static bool TryMake(string path, out string refused)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else if (!Directory.Exists(path))
        {
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        return IsTrusted(path, out refused);
    }

    /// <summary>Whether a path is a directory of this user's that nobody else may write to.</summary>
    public static bool IsTrusted(string path, out string refused)
    {
        refused = "";
        if (!OperatingSystem.IsLinux())
        {
            return Directory.Exists(path);
        }

        refused = !FileFacts.TryGet(path, out var facts) ? $"{path} can't be looked at"
            : !facts.IsDirectory ? $"{path} is no directory"
            : !facts.IsPrivate ? $"{path} belongs to another user or can be written by others"
            : "";
        return refused.Length == 0;
    }

    /// <summary>Whether a path is a file of this user's that nobody else may write to, and no longer than it should be.</summary>
    public static bool IsTrustedFile(string path)
        => OperatingSystem.IsLinux()
            ? FileFacts.TryGet(path, out var facts) && facts is { IsRegularFile: true, IsPrivate: true, Size: <= PeerEntry.MaxLength }
            : new FileInfo(path) is { Exists: true, Length: <= PeerEntry.MaxLength, LinkTarget: null };

    [SupportedOSPlatform("linux")]
    private static string? FindHome(string? runtimeDirectory, out string refused)
    {
        refused = "";
        runtimeDirectory ??= Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR");

        // Under sudo the variable may still name the directory of the user who called it.
        if (!string.IsNullOrEmpty(runtimeDirectory) && IsTrusted(runtimeDirectory, out refused))
        {
            return Path.Combine(runtimeDirectory, "dapr-k8s");
        }

        var own = Path.Combine(Path.GetTempPath(), "dapr-k8s-" + FileFacts.EffectiveUser().ToString(CultureInfo.InvariantCulture));
        return TryMake(own, out refused) ? Path.Combine(own, "dapr-k8s") : null;
    }

    private static string? FindProfile(out string refused)
    {
        var profile = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData);
        refused = profile.Length == 0 ? "this user has no profile" : "";
        return profile.Length == 0 ? null : Path.Combine(profile, "dapr-k8s");
    }

    /// <summary>
    /// App ids come from callers, so that <c>../..</c> has to become an ordinary name: everything but letters, digits,
    /// <c>-</c>, <c>_</c> and an inner dot is written as <c>%xx</c>.
    /// </summary>
    private static string? EncodeName(string appId)
    {
        if (appId.Length is 0 or > MaxDirectoryName)
        {
            return null;
        }

        StringBuilder name = new(appId.Length);
        foreach (var b in Encoding.UTF8.GetBytes(appId))
        {
            var c = (char)b;
            if (char.IsAsciiLetterOrDigit(c) || c is '-' or '_' || (c == '.' && name.Length > 0))
            {
                name.Append(c);
            }
            else
            {
                name.Append(CultureInfo.InvariantCulture, $"%{b:x2}");
            }
        }

        return name.Length <= MaxDirectoryName ? name.ToString() : null;
    }

    private static string? DecodeName(string name)
    {
        var appId = Uri.UnescapeDataString(name);
        return EncodeName(appId) == name ? appId : null;
    }
}
