using System.Globalization;
using System.Text;
using System.Text.Json;
using DaprK8s.Cluster.Network;
using DaprK8s.Cluster.Objects;
using static DaprK8s.Cluster.Network.Commands;

namespace DaprK8s.Cluster.Node;

/// <summary>
/// Starts the process of a container: in the network namespace of its pod, in a mount namespace of its own with its own root, as its
/// own user without capabilities. It is set up by a shell script that becomes the process in the end.
/// </summary>
internal sealed class Sandbox(PodEnvironment cluster, PodNetwork network, PodVolumes volumes, NameServerFile nameServer)
{
    private const string AccountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount";

    private int starts;

    /// <summary>Starts a container.</summary>
    /// <param name="pod">Its pod.</param>
    /// <param name="container">Its spec.</param>
    /// <param name="logFile">What it writes goes there.</param>
    /// <exception cref="ContainerConfigException">It can't be started like that.</exception>
    public ContainerProcess Start(JsonElement pod, JsonElement container, string logFile)
    {
        var name = container.Text("name")!;
        var image = cluster.Images.Find(container.Text("image") ?? "")
            ?? throw new ContainerConfigException("ImagePullBackOff", $"Back-off pulling image \"{container.Text("image")}\"");
        var user = PodSpecs.SecurityNumber(pod, container, "runAsUser") ?? image.User;
        if (user == 0 && (container.Flag("securityContext", "runAsNonRoot") ?? pod.Flag("spec", "securityContext", "runAsNonRoot")) == true)
        {
            throw new ContainerConfigException("CreateContainerConfigError", $"container has runAsNonRoot and image will run as root (pod: \"{pod.Name()}\", container: {name})");
        }

        var group = PodSpecs.SecurityNumber(pod, container, "runAsGroup") ?? (user == image.User ? image.User : 0);
        var variables = ContainerVariables.Of(cluster, pod, container, network.Address);
        variables.TryAdd("HOME", user == 0 ? "/root" : "/");

        var directory = Path.Combine(cluster.DirectoryOf(pod.Uid()), name, Interlocked.Increment(ref starts).ToString(CultureInfo.InvariantCulture));
        var root = Path.Combine(directory, "root");
        WriteRoot(root, pod, image, user, group);

        var script = new StringBuilder();
        script.Append(CultureInfo.InvariantCulture, $"set -e\numask 022\nexport PATH={SearchPath}\nR={Quote(root)}\nmount --bind \"$R\" \"$R\"\n");
        MountImage(script, image);
        MountVolumes(script, pod, container, variables);
        if (container.Flag("securityContext", "readOnlyRootFilesystem") == true)
        {
            script.Append("mount -o remount,bind,ro \"$R\"\n");
        }

        script.Append("exec env -i");
        foreach (var (key, value) in variables)
        {
            script.Append(' ').Append(Quote($"{key}={value}"));
        }

        var groups = pod.Text("spec", "securityContext", "fsGroup");
        script.Append(container.Text("workingDir") is { Length: > 0 } work
            ? $" /usr/bin/unshare --root=\"$R\" --wd={Quote(work)} --setgid={groups ?? group.ToString(CultureInfo.InvariantCulture)} --setuid={user} --"
            : $" /usr/sbin/chroot --userspec={user}:{group} --groups={groups} \"$R\"");
        foreach (var word in CommandLine(container, image, variables))
        {
            script.Append(' ').Append(Quote(word));
        }

        var inner = Path.Combine(directory, "inside.sh");
        WritePrivate(inner, script.ToString());
        var outer = Path.Combine(directory, "start.sh");
        WritePrivate(outer, $"""
            exec >>{Quote(logFile)} 2>&1 </dev/null
            exec /usr/bin/nsenter --net=/run/netns/{network.Name} /usr/bin/unshare --mount --propagation private /bin/sh {Quote(inner)}
            """);
        return ContainerProcess.Start(outer);
    }

    /// <summary>Runs a command inside a running container, as an exec probe does.</summary>
    public static Task<(int Code, string Output)> ExecuteAsync(
        ContainerProcess process, IReadOnlyDictionary<string, string> variables, IEnumerable<string> command, CancellationToken cancellationToken)
    {
        var status = File.ReadLines($"/proc/{process.Id}/status").Select(l => l.Split('\t')).ToLookup(l => l[0], l => l.ElementAtOrDefault(1));
        return RunAsync(
            "/usr/bin/nsenter",
            [
                "--target", process.Id.ToString(CultureInfo.InvariantCulture), "--mount", "--net", "--root", "--wd",
                "--setuid", status["Uid:"].First()!, "--setgid", status["Gid:"].First()!, "--", .. command,
            ],
            variables,
            cancellationToken);
    }

    /// <summary>The variables that a command inside a container sees.</summary>
    public Dictionary<string, string> VariablesOf(JsonElement pod, JsonElement container) => ContainerVariables.Of(cluster, pod, container, network.Address);

    private static IEnumerable<string> CommandLine(JsonElement container, ContainerImage image, Dictionary<string, string> variables)
    {
        var command = container.Items("command").Concat(container.Items("args")).Select(a => Expansion.Expand(a.GetString() ?? "", variables)).ToList();
        return command.Count > 0 ? command : image.Command;
    }

    private void WriteRoot(string root, JsonElement pod, ContainerImage image, int user, int group)
    {
        foreach (var name in (string[])["usr/lib", "etc/ssl", "proc", "dev", "tmp", "var/run", "run", "root"])
        {
            Directory.CreateDirectory(Path.Combine(root, name));
        }

        File.SetUnixFileMode(Path.Combine(root, "tmp"), (UnixFileMode)0b1_111_111_111);
        foreach (var link in (string[])["lib", "lib64", .. image.HasTools ? ["bin", "sbin"] : Array.Empty<string>()])
        {
            File.CreateSymbolicLink(Path.Combine(root, link), $"usr/{link}");
        }

        foreach (var file in image.Files.Keys)
        {
            File.WriteAllBytes(root + file, []);
        }

        var hostname = pod.Text("spec", "hostname") ?? pod.Name();
        Write("hostname", hostname + "\n");
        Write("hosts", $"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n{network.Address}\t{hostname}\n");
        Write("resolv.conf", nameServer.Text);
        Write("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n");
        Write("passwd", $"root:x:0:0:root:/root:/bin/sh\nnonroot:x:{user}:{group}:nonroot:/:/bin/sh\n");
        Write("group", $"root:x:0:\nnonroot:x:{group}:\n");
        if (File.Exists("/etc/ld.so.cache"))
        {
            File.Copy("/etc/ld.so.cache", Path.Combine(root, "etc/ld.so.cache"));
        }

        void Write(string name, string content)
        {
            var path = Path.Combine(root, "etc", name);
            File.WriteAllText(path, content);
            File.SetUnixFileMode(path, (UnixFileMode)0b110_100_100);
        }
    }

    private static void MountImage(StringBuilder script, ContainerImage image)
    {
        var tree = image.HasTools ? "/usr" : "/usr/lib";
        script.Append(CultureInfo.InvariantCulture, $"mount -o bind,ro {tree} \"$R\"{tree}\n");
        if (!image.HasTools && Directory.Exists("/usr/lib64"))
        {
            script.Append("mkdir -p \"$R/usr/lib64\"\nmount -o bind,ro /usr/lib64 \"$R/usr/lib64\"\n");
        }

        script.Append("if [ -d /etc/ssl ]; then mount -o bind,ro /etc/ssl \"$R/etc/ssl\"; fi\n");
        foreach (var (at, file) in image.Files)
        {
            script.Append(CultureInfo.InvariantCulture, $"mount -o bind,ro {Quote(file)} \"$R\"{Quote(at)}\n");
        }

        // The machine's devices and processes are to be seen; a real container has its own.
        script.Append("mount --rbind /proc \"$R/proc\"\nmount --rbind /dev \"$R/dev\"\nmount -t tmpfs none \"$R/dev/shm\"\n");
    }

    private void MountVolumes(StringBuilder script, JsonElement pod, JsonElement container, Dictionary<string, string> variables)
    {
        var mounts = container.Items("volumeMounts").Select(m => (
            At: m.Text("mountPath")!.TrimEnd('/'),
            From: SourceOf(pod, m, variables),
            ReadOnly: m.Flag("readOnly") == true || IsReadOnlyKind(pod, m.Text("name")!))).ToList();
        if (volumes.HasAccountVolume(pod) && mounts.TrueForAll(m => m.At != AccountDirectory))
        {
            mounts.Add((AccountDirectory, volumes.PathOf(pod, PodVolumes.AccountVolume), true));
        }

        // The outer ones first, so that they do not hide the inner ones.
        foreach (var (at, from, readOnly) in mounts.OrderBy(m => m.At.Length))
        {
            var target = $"\"$R\"{Quote(at)}";
            script.Append(Directory.Exists(from) ? $"mkdir -p {target}\n" : $"mkdir -p \"$(dirname {target})\"; touch {target}\n");
            script.Append(CultureInfo.InvariantCulture, $"mount -o bind{(readOnly ? ",ro" : "")} {Quote(from)} {target}\n");
        }
    }

    private string SourceOf(JsonElement pod, JsonElement mount, Dictionary<string, string> variables)
    {
        var volume = volumes.PathOf(pod, mount.Text("name")!);
        var inside = mount.Text("subPath") ?? (mount.Text("subPathExpr") is { } text ? Expansion.Expand(text, variables) : null);
        if (string.IsNullOrEmpty(inside))
        {
            return volume;
        }

        var path = Path.Combine(volume, inside);
        if (!Path.Exists(path))
        {
            Directory.CreateDirectory(path);
            File.SetUnixFileMode(path, (UnixFileMode)0b111_111_111);
        }

        // A mount stays with what the link pointed to: such files do not follow changes, as on a real node.
        return File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
    }

    private static bool IsReadOnlyKind(JsonElement pod, string name)
    {
        var volume = pod.Items("spec", "volumes").FirstOrDefault(v => v.Text("name") == name);
        return volume.ValueKind != JsonValueKind.Undefined && volume.At("emptyDir") is null && volume.At("persistentVolumeClaim") is null;
    }

    private static void WritePrivate(string path, string text)
    {
        // Values of secrets are in it.
        using var file = new FileStream(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite });
        file.Write(Encoding.UTF8.GetBytes(text));
    }
}
