using System.Net;
using DaprK8s.Common.ControlPlane;
using DaprK8s.Operator.Server;
using DaprK8s.Operator.Tests.Support;

namespace DaprK8s.Operator.Tests.Server;

/// <summary>Start, health, metrics and end (contract: k8s 2.1 to 2.4).</summary>
public sealed class LifeTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_is_ready_once_it_has_an_identity_and_all_caches()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        var pods = cluster.Server.Faults.Hold("list", "pods");
        File.Delete(cluster.AnchorsFile);
        var running = cluster.CreateOperator();
        await Eventually.TrueAsync(async () => await running.ProbeAsync() == HttpStatusCode.ServiceUnavailable, "the health port is open, and it is not ready");

        await File.WriteAllTextAsync(cluster.AnchorsFile, cluster.Trust.Pem, Stop);
        await Eventually.TrueAsync(() => cluster.Sentry.Token == "token of the operator", "it shows its token to sentry");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await running.ProbeAsync());
        pods.Open();

        await running.WaitUntilReadyAsync();
        Assert.Contains("dapr_operator_update_streams 0", await running.ScrapeAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_its_Configuration_it_does_not_start()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        var running = cluster.CreateOperator("--config", "absent");
        var fatal = await Assert.ThrowsAsync<OptionException>(() => running.Running.WaitAsync(TimeSpan.FromSeconds(30), Stop));
        Assert.StartsWith("unable to load configuration, config: absent, err: ", fatal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Readiness_does_not_depend_on_the_right_to_see_Secrets()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.Server.Access.Deny("list", "secrets");
        cluster.Server.Access.Deny("watch", "secrets");
        await cluster.StartOperatorAsync();
    }

    [Fact]
    public async Task With_a_namespace_to_watch_it_asks_for_nothing_outside_of_it()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        await cluster.StartOperatorAsync("--watch-namespace", "default");
        var watched = cluster.Server.Faults.Requests.Where(r => r.Verb is "list" or "watch" && r.Resource is "pods" or "services" or "deployments.apps" || r.Resource.EndsWith(".dapr.io", StringComparison.Ordinal) && r.Verb != "get");
        Assert.All(watched, r => Assert.Equal("default", r.Namespace));
    }

    [Theory]
    [InlineData(null, "'NAMESPACE' environment variable not set")]
    [InlineData("", "'NAMESPACE' environment variable is empty")]
    public void It_must_know_its_namespace(string? value, string error)
        => Assert.Equal(error, Assert.Throws<OptionException>(() => new OperatorFlags(n => n == "NAMESPACE" ? value : null).Parse([])).Message);

    [Fact]
    public void Flags_have_the_defaults_of_the_contract()
    {
        var options = new OperatorFlags(n => n == "NAMESPACE" ? "dapr-system" : null).Parse([]);
        Assert.Equal(
            ("daprsystem", 6500, 8080, 19443, 9090, "0.0.0.0", "/var/run/secrets/dapr.io/tls/ca.crt", false, 20, true, true, false),
            (options.Config, options.Port, options.HealthPort, options.WebhookPort, options.MetricsPort, options.MetricsAddress, options.TrustAnchorsFile,
                options.Watchdog.IsEnabled, options.Watchdog.MaxRestartsPerMinute, options.ElectsLeader, options.ReconcilesServices, options.ReconcilesRollouts));
    }

    [Theory]
    [InlineData("-port 7 -watch-interval once", 7, true)]
    [InlineData("--port=8 --disable-leader-election=false --watch-interval=2m", 8, true)]
    public void Flags_are_read_with_one_dash_and_with_two(string line, int port, bool watches)
    {
        var options = new OperatorFlags(_ => "dapr-system").Parse(line.Split(' '));
        Assert.Equal((port, watches, true), (options.Port, options.Watchdog.IsEnabled, options.ElectsLeader));
    }

    [Theory]
    [InlineData("500ms", "invalid watch-interval value: if not '0' or 'once', must be at least 1s")]
    [InlineData("soon", "invalid value for watch-interval: \"soon\" is no duration such as 30s")]
    public void A_watch_interval_that_makes_no_sense_is_refused(string interval, string error)
        => Assert.Equal(error, Assert.Throws<OptionException>(() => new OperatorFlags(_ => "dapr-system").Parse(["--watch-interval", interval])).Message);
}
