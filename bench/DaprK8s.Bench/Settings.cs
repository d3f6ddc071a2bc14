using System.Globalization;

namespace DaprK8s.Bench;

/// <summary>What to measure, from the command line and the variable <c>DAPRD</c>.</summary>
internal sealed record Settings
{
    public const string Usage = """
        usage: DaprK8s.Bench [--scenarios a,b] [--quick] [--minutes N] [--connections N] [-o]
          --scenarios    which: startup, memory, http, grpc, invocation, mtls, sentry, injector, operator, idle, state, pubsub, body, soak (all)
          --quick        short runs: shows that it works, not what it is worth
          --minutes      length of soak (10)
          --connections  connections of the load generator (16)
          -o             also writes bench/results/<date>.md
          DAPRD          the sidecar to measure (dist/daprd)
          SENTRY         the sentry to measure (dist/sentry); OPERATOR and INJECTOR likewise
        """;

    /// <summary>The executable under test.</summary>
    public required string Daprd { get; init; }

    /// <summary>The certificate authority for measurements under mTLS.</summary>
    public required string Sentry { get; init; }

    /// <summary>Names of scenarios; empty for all.</summary>
    public IReadOnlyList<string> Scenarios { get; init; } = [];

    public bool Quick { get; init; }

    public TimeSpan SoakLength { get; init; } = TimeSpan.FromMinutes(10);

    public int Connections { get; init; } = 16;

    /// <summary>Requests per second of the open loops.</summary>
    public double Rate { get; } = 1000;

    /// <summary>Bytes of a request's body.</summary>
    public int PayloadBytes { get; } = 1024;

    public bool Save { get; init; }

    /// <summary>Long enough for the compilers of all parties to have seen the road.</summary>
    public TimeSpan WarmUp => TimeSpan.FromSeconds(Quick ? 2 : 6);

    /// <summary>Length of one measurement.</summary>
    public TimeSpan Length => TimeSpan.FromSeconds(Quick ? 4 : 30);

    /// <summary>The executable of a service of the control plane, <c>operator</c> for example.</summary>
    public string Service(string name) => Executable(name.ToUpperInvariant(), $"dist/{name}");

    /// <summary>Reads the command line.</summary>
    /// <exception cref="ArgumentException">It makes no sense; the message says why.</exception>
    public static Settings Parse(string[] args)
    {
        var settings = new Settings { Daprd = Executable("DAPRD", "dist/daprd"), Sentry = Executable("SENTRY", "dist/sentry") };
        for (var i = 0; i < args.Length; i++)
        {
            settings = args[i] switch
            {
                "--quick" => settings with { Quick = true },
                "-o" => settings with { Save = true },
                "--scenarios" => settings with { Scenarios = Value().Split(',', StringSplitOptions.RemoveEmptyEntries) },
                "--minutes" => settings with { SoakLength = TimeSpan.FromMinutes(Number()) },
                "--connections" => settings with { Connections = Math.Max(1, (int)Number()) },
                _ => throw new ArgumentException($"unknown argument {args[i]}\n{Usage}"),
            };

            string Value() => ++i < args.Length ? args[i] : throw new ArgumentException($"{args[i - 1]} needs a value\n{Usage}");
            double Number() => double.TryParse(Value(), CultureInfo.InvariantCulture, out var number)
                ? number
                : throw new ArgumentException($"not a number: {args[i]}\n{Usage}");
        }

        return File.Exists(settings.Daprd)
            ? settings
            : throw new ArgumentException($"there is no {settings.Daprd}: run `make build`, or set DAPRD to another sidecar");
    }

    private static string Executable(string variable, string @default)
        => Path.GetFullPath(Environment.GetEnvironmentVariable(variable) is { Length: > 0 } path ? path : @default);
}
