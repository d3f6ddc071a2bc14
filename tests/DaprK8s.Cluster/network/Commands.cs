using System.Diagnostics;

namespace DaprK8s.Cluster.Network;

/// <summary>Runs the system's own tools.</summary>
internal static class Commands
{
    /// <summary>Runs a shell script to its end and returns what it wrote.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message holds its output.</exception>
    public static async Task<string> ShellAsync(string script, CancellationToken cancellationToken = default)
    {
        var (code, output) = await RunAsync("/bin/sh", ["-ec", script], null, cancellationToken);
        return code == 0 ? output : throw new InvalidOperationException($"a command of the cluster failed with {code}: {output}\n{script}");
    }

    /// <summary>Runs a program to its end.</summary>
    /// <returns>Its exit code and what it wrote to both streams.</returns>
    public static async Task<(int Code, string Output)> RunAsync(
        string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = "/",
        };
        if (environment is not null)
        {
            start.Environment.Clear();
            foreach (var (name, value) in environment)
            {
                start.Environment[name] = value;
            }
        }

        start.Environment["PATH"] = SearchPath;
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
            var errors = process.StandardError.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return (process.ExitCode, await output + await errors);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    /// <summary>Where the tools are, also where a user's path leaves out the administrator's.</summary>
    public const string SearchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>A word for a shell script.</summary>
    public static string Quote(string text) => $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
