using DaprK8s.KubernetesApi;

namespace DaprK8s.Cluster.Node;

/// <summary>What containers write, for <c>kubectl logs</c>.</summary>
internal sealed class PodLogs(Kubelet kubelet)
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    /// <summary>Writes what is wanted.</summary>
    public async Task WriteAsync(PodLogRequest request, Stream to, CancellationToken cancellationToken)
    {
        var worker = kubelet.Find(request.Namespace, request.Pod);
        var container = request.Container is { Length: > 0 } name ? worker?.Container(name) : worker?.Mains[0];
        if (worker is null || container?.LogFile(request.Previous) is not { } path || !File.Exists(path))
        {
            return;
        }

        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        if (request.TailLines is { } lines)
        {
            file.Position = await TailAsync(file, lines, cancellationToken);
        }

        while (true)
        {
            var isOver = worker.Finished.IsCompleted || container.LogFile() != path;
            await file.CopyToAsync(to, cancellationToken);
            await to.FlushAsync(cancellationToken);
            if (!request.Follow || request.Previous || isOver)
            {
                return;
            }

            await Task.Delay(Look, cancellationToken);
        }
    }

    /// <summary>Where the last lines begin.</summary>
    private static async Task<long> TailAsync(FileStream file, int lines, CancellationToken cancellationToken)
    {
        var content = new byte[file.Length];
        await file.ReadExactlyAsync(content, cancellationToken);
        var at = content.Length;
        for (var left = lines; left >= 0 && at > 0; left--)
        {
            at = content.AsSpan(0, at).LastIndexOf((byte)'\n');
            if (left > 0 && at < 0)
            {
                return 0;
            }
        }

        return at < 0 ? 0 : at + 1;
    }
}
