using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.Cluster.Objects;

namespace DaprK8s.Cluster.Node;

/// <summary>The volumes of a pod: made before its containers start, kept current while they run.</summary>
internal sealed class PodVolumes
{
    /// <summary>The volume of the service account's own token, which every container finds at the usual place.</summary>
    public const string AccountVolume = "kube-api-access";

    private const int DefaultMode = 0b110_100_100;

    private readonly PodEnvironment cluster;
    private readonly IPAddress address;
    private readonly Dictionary<string, AtomicDirectory> written = [];
    private readonly Dictionary<string, (string Token, DateTimeOffset RenewAt)> tokens = [];
    private readonly int? group;
    private bool isClosed;

    public PodVolumes(PodEnvironment cluster, JsonElement pod, IPAddress address)
    {
        (this.cluster, this.address) = (cluster, address);
        group = pod.Number("spec", "securityContext", "fsGroup");
        Root = Path.Combine(cluster.DirectoryOf(pod.Uid()), "volumes");
        Directory.CreateDirectory(Root);
    }

    private string Root { get; }

    /// <summary>Makes the volumes, or brings their content up to date.</summary>
    /// <exception cref="ContainerConfigException">Something that they hold is not there.</exception>
    public void Refresh(JsonElement pod)
    {
        lock (written)
        {
            if (isClosed)
            {
                return;
            }

            foreach (var volume in pod.Items("spec", "volumes"))
            {
                Make(pod, volume);
            }

            if (HasAccountVolume(pod))
            {
                WriteFiles(AccountVolume, AccountFiles(pod));
            }
        }
    }

    /// <summary>Nothing is written any more.</summary>
    public void Close()
    {
        lock (written)
        {
            isClosed = true;
        }
    }

    /// <summary>Where a volume is on the machine.</summary>
    public string PathOf(JsonElement pod, string volumeName)
    {
        var volume = pod.Items("spec", "volumes").FirstOrDefault(v => v.Text("name") == volumeName);
        if (volume.ValueKind == JsonValueKind.Undefined && volumeName != AccountVolume)
        {
            throw new ContainerConfigException("CreateContainerConfigError", $"there is no volume {volumeName}");
        }

        return volume.ValueKind == JsonValueKind.Undefined ? Path.Combine(Root, volumeName) : Location(pod, volume);
    }

    /// <summary>Whether the token of the service account is mounted by itself.</summary>
    public bool HasAccountVolume(JsonElement pod)
        => (pod.Flag("spec", "automountServiceAccountToken")
            ?? cluster.Objects.Find("serviceaccounts", pod.Namespace(), PodSpecs.ServiceAccount(pod))?.Flag("automountServiceAccountToken")) != false;

    private void Make(JsonElement pod, JsonElement volume)
    {
        var name = volume.Text("name")!;
        if (volume.At("configMap") is { } map)
        {
            WriteFiles(name, FromObject("configmaps", pod, map.Text("name"), map, map.Number("defaultMode")));
        }
        else if (volume.At("secret") is { } secret)
        {
            WriteFiles(name, FromObject("secrets", pod, secret.Text("secretName"), secret, secret.Number("defaultMode")));
        }
        else if (volume.At("downwardAPI") is { } downward)
        {
            WriteFiles(name, FromFields(pod, downward, downward.Number("defaultMode")));
        }
        else if (volume.At("projected") is { } projected)
        {
            WriteFiles(name, FromSources(pod, name, projected));
        }
        else if (volume.At("emptyDir") is not null || volume.At("persistentVolumeClaim") is not null)
        {
            var path = Location(pod, volume);
            if (!Directory.Exists(path))
            {
                Directory.CreateDirectory(path);
                File.SetUnixFileMode(path, (UnixFileMode)0b111_111_111);
            }
        }
        else
        {
            throw new ContainerConfigException("CreateContainerConfigError", $"the volume {name} is of a kind that this cluster does not have");
        }
    }

    private string Location(JsonElement pod, JsonElement volume)
    {
        if (volume.Text("persistentVolumeClaim", "claimName") is { } claim)
        {
            return Path.Combine(cluster.Directory, "claims", pod.Namespace(), claim);
        }

        return volume.Text("emptyDir", "medium") == "Memory"
            ? Path.Combine(cluster.MemoryDirectory, pod.Uid(), volume.Text("name")!)
            : Path.Combine(Root, volume.Text("name")!);
    }

    private void WriteFiles(string volume, Dictionary<string, (byte[] Content, int Mode)> files)
    {
        if (!written.TryGetValue(volume, out var directory))
        {
            written[volume] = directory = new AtomicDirectory(Path.Combine(Root, volume), group);
        }

        directory.Write(files);
    }

    private Dictionary<string, (byte[] Content, int Mode)> FromSources(JsonElement pod, string volume, JsonElement projected)
    {
        var files = new Dictionary<string, (byte[], int)>();
        var mode = projected.Number("defaultMode");
        foreach (var source in projected.Items("sources"))
        {
            var part = source.At("configMap") is { } map ? FromObject("configmaps", pod, map.Text("name"), map, mode)
                : source.At("secret") is { } secret ? FromObject("secrets", pod, secret.Text("name"), secret, mode)
                : source.At("downwardAPI") is { } downward ? FromFields(pod, downward, mode)
                : source.At("serviceAccountToken") is { } token ? FromToken(pod, volume, token, mode)
                : throw new ContainerConfigException("CreateContainerConfigError", $"the volume {volume} has a source that this cluster does not have");
            foreach (var (path, file) in part)
            {
                files[path] = file;
            }
        }

        return files;
    }

    private Dictionary<string, (byte[] Content, int Mode)> FromObject(string resource, JsonElement pod, string? name, JsonElement source, int? defaultMode)
    {
        var optional = source.Flag("optional") == true;
        var files = new Dictionary<string, (byte[], int)>();
        if (cluster.Objects.Find(resource, pod.Namespace(), name ?? "") is not { } found)
        {
            return optional ? files : throw new ContainerConfigException("ContainerCreating", $"{resource[..^1]} \"{name}\" not found");
        }

        var data = KeyedData.Of(found);
        var items = source.Items("items").ToList();
        if (items.Count == 0)
        {
            return data.ToDictionary(d => d.Key, d => (d.Value, defaultMode ?? DefaultMode));
        }

        foreach (var item in items)
        {
            if (data.TryGetValue(item.Text("key") ?? "", out var content))
            {
                files[item.Text("path")!] = (content, item.Number("mode") ?? defaultMode ?? DefaultMode);
            }
            else if (!optional)
            {
                throw new ContainerConfigException("ContainerCreating", $"references non-existent {resource[..^1]} key: {item.Text("key")}");
            }
        }

        return files;
    }

    private Dictionary<string, (byte[] Content, int Mode)> FromFields(JsonElement pod, JsonElement source, int? defaultMode)
    {
        var files = new Dictionary<string, (byte[], int)>();
        foreach (var item in source.Items("items"))
        {
            var text = item.Text("fieldRef", "fieldPath") is { } field
                ? PodFields.Read(pod, field, address, cluster.Machine)
                : PodFields.Resource(pod, null, item.At("resourceFieldRef")!.Value);
            files[item.Text("path")!] = (Encoding.UTF8.GetBytes(text), item.Number("mode") ?? defaultMode ?? DefaultMode);
        }

        return files;
    }

    /// <summary>A token is replaced when four fifths of its life are over.</summary>
    private Dictionary<string, (byte[] Content, int Mode)> FromToken(JsonElement pod, string volume, JsonElement source, int? defaultMode)
    {
        var path = source.Text("path")!;
        var key = $"{volume}/{path}";
        if (!tokens.TryGetValue(key, out var token) || token.RenewAt <= DateTimeOffset.UtcNow)
        {
            var asked = TimeSpan.FromSeconds(source.Number("expirationSeconds") ?? 3600);
            var life = cluster.Options.ShortestTokenLife > asked || cluster.Options.ShortestTokenLife < TimeSpan.FromMinutes(10) ? cluster.Options.ShortestTokenLife : asked;
            var audience = source.Text("audience") is { Length: > 0 } named ? named : KubernetesApi.Access.Tokens.ApiAudience;
            tokens[key] = token = (
                cluster.Tokens.IssueForPod(pod.Namespace(), pod.Name(), PodSpecs.ServiceAccount(pod), life, audience),
                DateTimeOffset.UtcNow + (life * 0.8));
        }

        return new() { [path] = (Encoding.ASCII.GetBytes(token.Token), defaultMode ?? DefaultMode) };
    }

    private Dictionary<string, (byte[] Content, int Mode)> AccountFiles(JsonElement pod)
    {
        var source = JsonSerializer.SerializeToElement(new JsonObject { ["path"] = "token", ["expirationSeconds"] = 3607 });
        var files = FromToken(pod, AccountVolume, source, null);
        files["ca.crt"] = (Encoding.ASCII.GetBytes(cluster.AuthorityPem), DefaultMode);
        files["namespace"] = (Encoding.ASCII.GetBytes(pod.Namespace()), DefaultMode);
        return files;
    }
}
