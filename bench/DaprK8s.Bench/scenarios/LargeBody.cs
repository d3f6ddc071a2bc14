using System.Diagnostics;
using System.Globalization;
using System.Text;
using DaprK8s.Bench.Load;
using DaprK8s.Bench.Processes;

namespace DaprK8s.Bench.Scenarios;

/// <summary>A body far larger than the memory that a sidecar may take.</summary>
internal sealed class LargeBody(Settings settings, Servers servers) : Scenario(settings, servers)
{
    public override string Name => "body";

    public override async Task<Section> RunAsync()
    {
        var bytes = Settings.Quick ? 128L << 20 : 1L << 30;
        await using var pair = await InvocationPair.StartAsync(Settings.Daprd, "http");
        var section = new Section(
            $"A body of {Cell.Megabytes(bytes)} through invocation",
            "road", "time", "per second", "peak of caller's sidecar (VmHWM)", "peak of callee's sidecar");
        section.Row("before", "", "", Cell.Megabytes(pair.Caller.Memory.Peak), Cell.Megabytes(pair.Callee.Memory.Peak));
        Row("request, direct", null, () => Upload(pair.App.HttpPort, "/sink", bytes));
        Row("request, two sidecars", pair, () => Upload(pair.Caller.HttpPort, $"/v1.0/invoke/{pair.Target}/method/sink", bytes));
        Row("answer, direct", null, () => Download(pair.App.HttpPort, $"/source?bytes={bytes}", bytes));
        Row("answer, two sidecars", pair, () => Download(pair.Caller.HttpPort, $"/v1.0/invoke/{pair.Target}/method/source?bytes={bytes}", bytes));
        return section;

        void Row(string road, InvocationPair? watched, Action transfer)
        {
            var clock = Stopwatch.StartNew();
            transfer();
            section.Row(
                road,
                string.Create(CultureInfo.InvariantCulture, $"{clock.Elapsed.TotalSeconds:0.0} s"),
                Cell.Megabytes((long)(bytes / clock.Elapsed.TotalSeconds)),
                watched is null ? Cell.None : Cell.Megabytes(watched.Caller.Memory.Peak),
                watched is null ? Cell.None : Cell.Megabytes(watched.Callee.Memory.Peak));
        }
    }

    private static void Upload(int port, string path, long bytes)
    {
        using var wire = new Wire(port);
        wire.Send(Encoding.ASCII.GetBytes(
            $"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\nContent-Length: {bytes}\r\n\r\n"));
        var piece = new byte[64 * 1024];
        for (var left = bytes; left > 0; left -= piece.Length)
        {
            wire.Send(piece.AsSpan(0, (int)Math.Min(left, piece.Length)));
        }

        Http1Connection.ReadAnswer(wire);
    }

    private static void Download(int port, string path, long bytes)
    {
        using var wire = new Wire(port);
        wire.Send(Http1Connection.Get(path));
        var (_, length) = Http1Connection.ReadAnswer(wire);
        if (length != bytes)
        {
            throw new IOException($"{length} bytes arrived instead of {bytes}");
        }
    }
}
