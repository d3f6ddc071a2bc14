using System.Runtime.InteropServices;

namespace DaprK8s.Cluster.Node;

/// <summary>
/// A directory of files that change together: each name links through <c>..data</c> to the directory of one moment, and a new moment
/// takes the link's place in one step.
/// </summary>
internal sealed partial class AtomicDirectory
{
    private readonly string path;
    private readonly int? group;
    private int moment;
    private Dictionary<string, (byte[] Content, int Mode)> current = [];

    /// <param name="path">The directory; made when it is not there.</param>
    /// <param name="group">The group that owns the files.</param>
    public AtomicDirectory(string path, int? group)
    {
        (this.path, this.group) = (path, group);
        Directory.CreateDirectory(path);
        Own(path, 0b111_101_101);
    }

    /// <summary>Makes these the directory's files.</summary>
    /// <param name="files">Content and permissions by relative path.</param>
    public void Write(Dictionary<string, (byte[] Content, int Mode)> files)
    {
        if (moment > 0 && files.Count == current.Count && files.All(f => current.TryGetValue(f.Key, out var old) && old.Mode == f.Value.Mode && old.Content.AsSpan().SequenceEqual(f.Value.Content)))
        {
            return;
        }

        var name = $"..moment_{++moment}";
        var directory = Path.Combine(path, name);
        Directory.CreateDirectory(directory);
        Own(directory, 0b111_101_101);
        foreach (var (file, (content, mode)) in files)
        {
            var full = Path.Combine(directory, file);
            for (var parent = Path.GetDirectoryName(full)!; parent.Length > directory.Length; parent = Path.GetDirectoryName(parent)!)
            {
                Directory.CreateDirectory(parent);
                Own(parent, 0b111_101_101);
            }

            File.WriteAllBytes(full, content);
            Own(full, mode);
        }

        var link = Path.Combine(path, "..data");
        var next = link + "_next";
        File.CreateSymbolicLink(next, name);
        if (Rename(next, link) != 0)
        {
            throw new IOException($"{next} can't take the place of {link}");
        }

        LinkNames(files);
        if (moment > 1)
        {
            Directory.Delete(Path.Combine(path, $"..moment_{moment - 1}"), recursive: true);
        }

        current = files;
    }

    private void LinkNames(Dictionary<string, (byte[] Content, int Mode)> files)
    {
        var wanted = files.Keys.Select(f => f.Split('/')[0]).ToHashSet();
        var there = current.Keys.Select(f => f.Split('/')[0]).ToHashSet();
        foreach (var name in wanted.Except(there))
        {
            File.CreateSymbolicLink(Path.Combine(path, name), $"..data/{name}");
        }

        foreach (var name in there.Except(wanted))
        {
            File.Delete(Path.Combine(path, name));
        }
    }

    private void Own(string file, int mode)
    {
        if (group is { } id)
        {
            mode |= 0b000_100_000;
            if (ChangeOwner(file, 0, id) != 0)
            {
                throw new IOException($"{file} can't be given to the group {id}");
            }
        }

        File.SetUnixFileMode(file, (UnixFileMode)mode);
    }

    [LibraryImport("libc", EntryPoint = "chown", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ChangeOwner(string path, int user, int group);

    // File.Move does not move links to directories.
    [LibraryImport("libc", EntryPoint = "rename", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Rename(string from, string to);
}
