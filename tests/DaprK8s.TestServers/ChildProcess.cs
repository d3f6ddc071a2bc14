using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace DaprK8s.TestServers;

/// <summary>
/// A process that dies with this one, however this one ends, and whose last output can be shown when something goes wrong.
/// </summary>
public sealed class ChildProcess : IAsyncDisposable
{
    /// <summary>SIGINT</summary>
    public const int Interrupt = 2;

    /// <summary>SIGTERM</summary>
    public const int Terminate = 15;

    private const int KeptLines = 300;
    private static readonly BlockingCollection<Action> Launches = StartLauncher();
    private readonly Process process;
    private readonly ConcurrentQueue<string> lines = new();

    private readonly Action<string>? onLine;

    private ChildProcess(Process process, Action<string>? onLine)
    {
        (this.process, this.onLine) = (process, onLine);
        process.OutputDataReceived += (_, e) => Keep(e.Data);
        process.ErrorDataReceived += (_, e) => Keep(e.Data);
    }

    /// <summary>Whether the process has ended.</summary>
    public bool HasExited => process.HasExited;

    /// <summary>Its process id.</summary>
    public int Id => process.Id;

    /// <summary>The exit code of an ended process.</summary>
    public int ExitCode => process.ExitCode;

    /// <summary>The last lines it wrote to stdout and stderr.</summary>
    public string Output => string.Join('\n', lines);

    /// <summary>Starts a program.</summary>
    /// <param name="program">Path or name.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="environment">Variables to set beside the inherited ones.</param>
    /// <param name="user">The user to become when this process runs as root.</param>
    /// <param name="directory">Its working directory.</param>
    /// <param name="onLine">Gets each line that it writes, from a thread of the pool.</param>
    public static async Task<ChildProcess> StartAsync(
        string program,
        IEnumerable<string> arguments,
        IReadOnlyDictionary<string, string>? environment = null,
        string? user = null,
        string? directory = null,
        Action<string>? onLine = null)
    {
        var start = new ProcessStartInfo("setpriv")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = directory ?? "/",
        };
        if (user is not null && Environment.IsPrivilegedProcess)
        {
            start.ArgumentList.Add("--reuid=" + user);
            start.ArgumentList.Add("--regid=" + user);
            start.ArgumentList.Add("--init-groups");
        }

        start.ArgumentList.Add("--pdeathsig=KILL");
        start.ArgumentList.Add("--");
        start.ArgumentList.Add(program);
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        var started = new TaskCompletionSource<ChildProcess>(TaskCreationOptions.RunContinuationsAsynchronously);
        Launches.Add(() =>
        {
            try
            {
                var child = new ChildProcess(new Process { StartInfo = start }, onLine);
                child.process.Start();
                child.process.BeginOutputReadLine();
                child.process.BeginErrorReadLine();
                child.process.StandardInput.Close();
                started.SetResult(child);
            }
            catch (Exception e)
            {
                started.SetException(e);
            }
        });
        return await started.Task;
    }

    /// <summary>Runs a program to its end.</summary>
    /// <exception cref="InvalidOperationException">It did not exit with 0; the message holds its output.</exception>
    public static async Task RunAsync(
        string program,
        IEnumerable<string> arguments,
        IReadOnlyDictionary<string, string>? environment = null,
        string? user = null,
        string? directory = null)
    {
        await using var child = await StartAsync(program, arguments, environment, user, directory);
        await child.process.WaitForExitAsync();
        if (child.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} ended with {child.ExitCode}:\n{child.Output}");
        }
    }

    /// <summary>Ends the process and all its descendants at once (SIGKILL).</summary>
    public async Task KillAsync()
    {
        // A stopped parent cannot start new children between the look and the kill.
        var tree = Tree();
        Signal(tree, StopSignal);
        Signal(Tree(), KillSignal);
        await process.WaitForExitAsync();
        await WaitForEndAsync(tree);
    }

    /// <summary>Asks the process to shut down and kills it when it does not within the time given.</summary>
    public async Task ShutDownAsync(TimeSpan patience, int signal = Terminate)
    {
        var tree = Tree();
        Signal(tree, ContinueSignal);
        Signal([process.Id], signal);
        using var deadline = new CancellationTokenSource(patience);
        try
        {
            await process.WaitForExitAsync(deadline.Token);
            await WaitForEndAsync(tree);
        }
        catch (OperationCanceledException)
        {
            await KillAsync();
        }
    }

    /// <summary>Sends the process one signal, by its number.</summary>
    public void Signal(int signal) => Signal([process.Id], signal);

    /// <summary>Waits for its end, by which all its output has been seen, and returns the exit code.</summary>
    public async Task<int> WaitForExitAsync()
    {
        await process.WaitForExitAsync();
        return process.ExitCode;
    }

    /// <summary>Freezes the process and its descendants (SIGSTOP): connections stay open and nothing answers.</summary>
    public void Pause() => Signal(Tree(), StopSignal);

    /// <summary>Lets frozen processes go on (SIGCONT).</summary>
    public void Resume() => Signal(Tree(), ContinueSignal);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
        {
            await KillAsync();
        }

        process.Dispose();
    }

    private const int KillSignal = 9;
    private const int ContinueSignal = 18;
    private const int StopSignal = 19;

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int SendSignal(int processId, int signal);

    private static void Signal(IEnumerable<int> processes, int signal)
    {
        foreach (var id in processes)
        {
            _ = SendSignal(id, signal); // One that has just ended needs no signal.
        }
    }

    // The kernel sends the death signal when the *thread* that started the child ends, so one that never ends starts them all.
    private static BlockingCollection<Action> StartLauncher()
    {
        var launches = new BlockingCollection<Action>();
        new Thread(() =>
        {
            foreach (var launch in launches.GetConsumingEnumerable())
            {
                launch();
            }
        })
        { IsBackground = true, Name = "child process launcher" }.Start();
        return launches;
    }

    private static async Task WaitForEndAsync(IReadOnlyList<int> processes)
    {
        var deadline = Stopwatch.StartNew();
        while (processes.Any(IsAlive) && deadline.Elapsed < TimeSpan.FromSeconds(20))
        {
            await Task.Delay(5);
        }
    }

    private static bool IsAlive(int id) => ReadStat(id) is { State: not ('Z' or 'X') };

    private static (char State, int Parent)? ReadStat(int id)
    {
        try
        {
            // "pid (name) state ppid ..."; the name may hold anything, so read from its closing bracket on.
            var stat = File.ReadAllText($"/proc/{id}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return (fields[0][0], int.Parse(fields[1], System.Globalization.CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            return null;
        }
    }

    private List<int> Tree()
    {
        var children = new List<(int Id, int Parent)>();
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory), out var id) && ReadStat(id) is { } stat)
            {
                children.Add((id, stat.Parent));
            }
        }

        var byParent = children.ToLookup(c => c.Parent, c => c.Id);
        List<int> tree = [process.Id];
        for (var i = 0; i < tree.Count; i++)
        {
            tree.AddRange(byParent[tree[i]]);
        }

        return tree;
    }

    private void Keep(string? line)
    {
        if (line is null)
        {
            return;
        }

        onLine?.Invoke(line);
        lines.Enqueue(line);
        while (lines.Count > KeptLines)
        {
            lines.TryDequeue(out _);
        }
    }
}
