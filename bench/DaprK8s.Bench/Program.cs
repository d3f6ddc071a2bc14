// Measures a sidecar: how fast it starts, how much memory and processor time it takes, what it adds to a call. Always beside
// the direct call in the same run, because only the difference means anything on a machine that all parties share.
using System.Globalization;
using System.Text;
using DaprK8s.Bench;
using DaprK8s.Bench.Apps;
using DaprK8s.Bench.Processes;
using DaprK8s.Bench.Scenarios;

if (args is ["echo", var httpPort, var grpcPort, var subscribes])
{
    return await EchoApp.RunAsync(
        int.Parse(httpPort, CultureInfo.InvariantCulture), int.Parse(grpcPort, CultureInfo.InvariantCulture), bool.Parse(subscribes));
}

Settings settings;
try
{
    settings = Settings.Parse(args);
}
catch (ArgumentException e)
{
    await Console.Error.WriteLineAsync(e.Message);
    return 2;
}

await using var servers = new Servers();
Scenario[] all =
[
    new Startup(settings, servers),
    new MemoryUse(settings, servers),
    new HttpInvocation(settings, servers),
    new GrpcInvocation(settings, servers),
    new InvocationSaturation(settings, servers),
    new MutualTls(settings, servers),
    new SentryRate(settings, servers),
    new Injection(settings, servers),
    new OperatorLoad(settings, servers),
    new ControlPlaneIdle(settings, servers),
    new StateRequests(settings, servers),
    new Messages(settings, servers),
    new LargeBody(settings, servers),
    new Soak(settings, servers),
];
if (settings.Scenarios.Except(all.Select(s => s.Name)).FirstOrDefault() is { } unknown)
{
    await Console.Error.WriteLineAsync($"there is no scenario '{unknown}'\n{Settings.Usage}");
    return 2;
}

var load = Machine.Load();
var report = new StringBuilder()
    .AppendLine("# Benchmark").AppendLine()
    .AppendLine(CultureInfo.InvariantCulture, $"- date: {DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC")
    .AppendLine(CultureInfo.InvariantCulture, $"- sidecar: {settings.Daprd}, version {await DaprdUnderTest.VersionAsync(settings.Daprd)}")
    .AppendLine(CultureInfo.InvariantCulture, $"- machine: {Machine.Describe()}")
    .AppendLine(CultureInfo.InvariantCulture, $"- load of the machine before: {load:0.0}{(load > 0.5 ? ", so it was **not idle**: the latencies are worth little" : "")}")
    .AppendLine(CultureInfo.InvariantCulture, $"- each measurement: {settings.Length.TotalSeconds:0} s after {settings.WarmUp.TotalSeconds:0} s of warm-up{(settings.Quick ? " (**quick**: too short to be quoted)" : "")}")
    .AppendLine();
Console.Write(report);

var failed = false;
foreach (var scenario in all.Where(s => settings.Scenarios.Count == 0 || settings.Scenarios.Contains(s.Name)))
{
    await Console.Error.WriteLineAsync($"... {scenario.Name}");
    string text;
    try
    {
        text = (await scenario.RunAsync()).ToMarkdown();
    }
    catch (Exception e)
    {
        // The other scenarios still have something to say.
        failed = true;
        text = $"## {scenario.Name}\n\nfailed: {e.Message}\n\n";
    }

    Console.Write(text);
    report.Append(text);
}

if (settings.Save)
{
    var file = Path.Combine("bench", "results", $"{DateTime.UtcNow:yyyy-MM-dd}.md");
    Directory.CreateDirectory(Path.GetDirectoryName(file)!);
    await File.WriteAllTextAsync(file, report.ToString());
    await Console.Error.WriteLineAsync($"written to {file}");
}

return failed ? 1 : 0;
