using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using DaprK8s.TestServers;

namespace DaprK8s.Samples.Tests;

/// <summary>A run of the sample apps as <c>make run</c> starts it, with ports and a directory of its own.</summary>
internal sealed class SampleRun : IAsyncDisposable
{
    private static readonly TimeSpan BuildAndStart = TimeSpan.FromMinutes(5);
    private readonly string directory = Directory.CreateTempSubdirectory("daprk8s-samples-").FullName;
    private readonly ConcurrentQueue<string> lines = new();
    private ChildProcess? script;

    /// <summary>All that the run has written to its terminal.</summary>
    public string Output => string.Join('\n', lines);

    /// <summary>Ports by use, such as <c>orders app</c> or <c>warehouse http</c>.</summary>
    public IReadOnlyDictionary<string, int> Ports { get; private set; } = new Dictionary<string, int>();

    /// <summary>The processes that belong to the run: they have its directory in their environment.</summary>
    public IReadOnlyList<string> Processes
        => [.. Directory.EnumerateDirectories("/proc")
            .Where(d => char.IsAsciiDigit(Path.GetFileName(d)[0]) && Read(d + "/environ").Contains($"RUN_DIR={directory}\0", StringComparison.Ordinal))
            .Select(d => Read(d + "/cmdline").Replace('\0', ' '))];

    /// <summary>Starts the run and waits until everything is ready.</summary>
    /// <param name="backend">What stands behind the apps' components.</param>
    public async Task StartAsync(string backend)
    {
        var environment = new Dictionary<string, string>
        {
            ["BACKEND"] = backend,
            ["RUN_DIR"] = directory,
            ["XDG_RUNTIME_DIR"] = directory,
            ["ORDER_EVERY_SECONDS"] = "0",
            ["FIRST_PORT"] = $"{Loopback.FreePort()}",
        };

        // A shell cannot trap a signal that was ignored when it started, as Ctrl-C is in background jobs.
        script = await ChildProcess.StartAsync(
            "env", ["--default-signal=INT", Path.Combine(Root(), "samples", "run.sh")], environment, onLine: lines.Enqueue);
        var clock = Stopwatch.StartNew();
        while (!Output.Contains("Ctrl-C stops everything", StringComparison.Ordinal))
        {
            if (script.HasExited || clock.Elapsed > BuildAndStart)
            {
                throw new InvalidOperationException($"the samples do not get ready:\n{Output}");
            }

            await Task.Delay(20);
        }

        Ports = (await File.ReadAllLinesAsync(Path.Combine(directory, "ports")))
            .ToDictionary(line => line[..line.LastIndexOf(' ')], line => int.Parse(line[line.LastIndexOf(' ')..], CultureInfo.InvariantCulture));
    }

    /// <summary>Ends the run as Ctrl-C does, and returns its exit code.</summary>
    public async Task<int> InterruptAsync()
    {
        script!.Signal(ChildProcess.Interrupt);
        return await script.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (script is not null)
        {
            await script.DisposeAsync();
        }

        Directory.Delete(directory, recursive: true);
    }

    private static string Read(string file)
    {
        try
        {
            return Encoding.UTF8.GetString(File.ReadAllBytes(file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return ""; // It has just ended, or is somebody else's.
        }
    }

    private static string Root()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "samples", "run.sh")))
        {
            directory = Path.GetDirectoryName(directory) ?? throw new InvalidOperationException("not inside the repository");
        }

        return directory;
    }
}
