using DaprK8s.EndToEnd.Tests.Fixture;

namespace DaprK8s.EndToEnd.Tests.Sidecar;

/// <summary>The command line: what is refused, how, and with which exit code.</summary>
public sealed class FlagTests
{
    [Theory]
    [InlineData("unknown flag: --no-such-flag", "--no-such-flag")]
    [InlineData("--enable-metrics", "--enable-metrics=perhaps")]
    [InlineData("--dapr-graceful-shutdown-seconds", "--dapr-graceful-shutdown-seconds=soon")]
    [InlineData("--actors-disseminate-timeout", "--actors-disseminate-timeout=long")]
    public async Task An_unknown_or_ill_typed_flag_ends_with_usage_and_exit_code_2(string text, string flag)
    {
        var (code, log) = await Daprd.With(flags: [flag]).RunAsync();

        Assert.Equal(2, code);
        Assert.True(log.Contains(text), log.ToString());
        Assert.True(log.Contains("--dapr-http-port"), "the usage is not shown");
    }

    [Theory]
    [InlineData("invalid mode: nowhere", "--mode=nowhere")]
    [InlineData("parameter app-id cannot contain dots", "--app-id=a.b")]
    [InlineData("invalid value for 'app-protocol': ftp", "--app-protocol=ftp")]
    [InlineData("error parsing dapr-http-port flag", "--dapr-http-port=many")]
    [InlineData("invalid value for 'max-body-size' option", "--max-body-size=4Q")]
    [InlineData("invalid value for 'disable-init-endpoints': x", "--disable-init-endpoints=x")]
    [InlineData("invalid value for --log-level: loud", "--log-level=loud")]
    [InlineData("must be positive, got -1s", "--actors-disseminate-timeout=-1s")]
    [InlineData("must be smaller than 'health-probe-interval'", "--enable-app-health-check", "--app-health-probe-interval=1", "--app-health-probe-timeout=2000")]
    public async Task A_value_without_sense_is_fatal_with_exit_code_1(string text, params string[] flags)
    {
        var (code, log) = await Daprd.With(flags: flags).RunAsync();

        Assert.Equal(1, code);
        Assert.True(log.Contains(text), log.ToString());
    }

    [Fact]
    public async Task Flags_of_later_features_are_accepted_and_said_to_have_no_effect()
    {
        await using var daprd = await Daprd.With(flags:
        [
            "-placement-host-address", "localhost:50005", "--scheduler-host-address=localhost:50006", "--sentry-address=localhost:50001",
            "--control-plane-address", "localhost:50002", "--actors-service=placement:localhost:50005", "--enable-profiling=false",
        ]).StartAsync();

        Assert.True(daprd.Log.Contains("flag --placement-host-address is accepted but has no effect in this version"));
        Assert.True(daprd.Log.Contains("Flag --actors-service has been deprecated"));
    }

    [Fact]
    public async Task The_version_is_printed_without_starting_anything()
    {
        var (code, log) = await Daprd.With(flags: ["--version"]).RunAsync();

        Assert.Equal(0, code);
        Assert.Matches(@"^\d+\.\d+\.\d+$", Assert.Single(log.All));
    }

    [Fact]
    public async Task The_derived_internal_port_is_the_same_after_a_restart()
    {
        // The port is derived from app id and directory; the fixture keeps both.
        await using var daprd = await Daprd.With(flags: ["--dapr-internal-grpc-port=0"]).StartAsync();
        var first = await daprd.Log.WaitForAsync("Internal gRPC server is running on");

        // The derived number may be some connection's local port just then, for which the sidecar takes another one. Not five times.
        for (var restart = 1; restart <= 5 && Ports().Distinct().Count() == Ports().Count(); restart++)
        {
            await daprd.RestartAsync();
        }

        Assert.True(Ports().Distinct().Count() < Ports().Count(), string.Join(", ", Ports()));
        Assert.Contains("Internal gRPC", first, StringComparison.Ordinal);

        List<string> Ports() => [.. daprd.Log.With("Internal gRPC server is running on").Select(l => l.Split('"').First(p => p.Contains("Internal")))];
    }
}
