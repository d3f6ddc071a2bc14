using DaprK8s.Common.ControlPlane;
using DaprK8s.Injector.Pods;
using DaprK8s.Injector.Server;

namespace DaprK8s.Injector.Tests.Server;

/// <summary>Command line and environment (contract: k8s 3.1, 3.12).</summary>
public sealed class InjectorFlagsTests
{
    [Fact]
    public void The_defaults_are_those_of_the_contract()
    {
        var options = Parse();
        Assert.Equal(4000, options.Port);
        Assert.Equal("", options.ListenAddress);
        Assert.Equal(8080, options.HealthPort);
        Assert.Equal(9090, options.MetricsPort);
        Assert.Equal("0.0.0.0", options.MetricsAddress);
        Assert.True(options.MetricsEnabled);
        Assert.Equal("/var/run/dapr.io/tls/ca.crt", options.TrustAnchorsFile);
        Assert.Equal("cluster.local", options.TrustDomain);
        var sidecar = options.Sidecar;
        Assert.Equal("image", sidecar.Image);
        Assert.Equal("Always", sidecar.ImagePullPolicy);
        Assert.Equal("dapr-api.dapr-system.svc.example.org:443", sidecar.OperatorAddress);
        Assert.Equal("dapr-sentry.dapr-system.svc.example.org:443", sidecar.SentryAddress);
        Assert.Equal("dapr-placement-server.dapr-system.svc.example.org:50005", sidecar.PlacementAddress);
        Assert.Equal("dapr-scheduler-server-a.dapr-system.svc.example.org:443", sidecar.SchedulerAddress);
        Assert.Equal("", sidecar.ActorsService);
        Assert.Equal("", sidecar.RemindersService);
        Assert.True(sidecar.RunsAsNonRoot);
        Assert.True(sidecar.HasReadOnlyRoot);
        Assert.False(sidecar.DropsAllCapabilities);
        Assert.False(sidecar.PassesHostIp);
        Assert.False(sidecar.IsNative);
        Assert.Null(sidecar.RunAsUser);
        Assert.Null(sidecar.RunAsGroup);
        Assert.Equal("/tmp/dapr-components-sockets", sidecar.ComponentSocketsFolder);
    }

    [Fact]
    public void What_the_environment_says_is_taken()
    {
        var sidecar = Parse(
            ("SIDECAR_RUN_AS_NON_ROOT", "false"), ("SIDECAR_RUN_AS_USER", "1000"), ("SIDECAR_RUN_AS_GROUP", "3000"), ("SIDECAR_READ_ONLY_ROOT_FILESYSTEM", "no"),
            ("SIDECAR_DROP_ALL_CAPABILITIES", "true"), ("ENABLE_K8S_DOWNWARD_APIS", "true"), ("NATIVE_SIDECAR_ENABLED", "true"),
            ("DAPR_COMPONENT_SOCKETS_FOLDER", "/sockets"), ("IGNORE_ENTRYPOINT_TOLERATIONS", """[{"key":"a","effect":"NoSchedule"}]""")).Sidecar;
        Assert.False(sidecar.RunsAsNonRoot);
        Assert.Equal(1000, sidecar.RunAsUser);
        Assert.Equal(3000, sidecar.RunAsGroup);
        Assert.False(sidecar.HasReadOnlyRoot);
        Assert.True(sidecar.DropsAllCapabilities);
        Assert.True(sidecar.PassesHostIp);
        Assert.True(sidecar.IsNative);
        Assert.Equal("/sockets", sidecar.ComponentSocketsFolder);
        Assert.Equal([new Toleration("a", "", "", "NoSchedule", null)], sidecar.IgnoreEntrypointTolerations);
    }

    [Theory]
    [InlineData("Always", "Always")]
    [InlineData("Never", "Never")]
    [InlineData("IfNotPresent", "IfNotPresent")]
    [InlineData("sometimes", "IfNotPresent")]
    public void The_pull_policy_is_one_of_three(string value, string policy)
        => Assert.Equal(policy, Parse(("SIDECAR_IMAGE_PULL_POLICY", value)).Sidecar.ImagePullPolicy);

    [Theory]
    [InlineData("", "", "dapr-placement-server.dapr-system.svc.example.org:50005", "")]
    [InlineData("placement", "dapr-placement-server:50005", "dapr-placement-server.dapr-system.svc.example.org:50005", "")]
    [InlineData("placement", "mine:1", "mine.dapr-system.svc.example.org:1", "")]
    [InlineData("etcd", "actors:2379", "", "etcd:actors.dapr-system.svc.example.org:2379")]
    public void Actors_are_served_by_placement_or_another_service(string name, string address, string placement, string other)
    {
        var sidecar = Parse(("ACTORS_SERVICE_NAME", name), ("ACTORS_SERVICE_ADDRESS", address)).Sidecar;
        Assert.Equal(placement, sidecar.PlacementAddress);
        Assert.Equal(other, sidecar.ActorsService);
    }

    [Theory]
    [InlineData("default", "", "default:.dapr-system.svc.example.org:0")]
    [InlineData("mine", "reminders:77", "mine:reminders.dapr-system.svc.example.org:77")]
    public void A_reminders_service_is_passed_on(string name, string address, string expected)
        => Assert.Equal(expected, Parse(("REMINDERS_SERVICE_NAME", name), ("REMINDERS_SERVICE_ADDRESS", address)).Sidecar.RemindersService);

    [Fact]
    public void Actors_and_scheduler_can_be_switched_off()
    {
        Assert.Equal("", Parse(("ACTORS_ENABLED", "false"), ("ACTORS_SERVICE_NAME", "etcd")).Sidecar.PlacementAddress);
        Assert.Equal("", Parse(("ACTORS_ENABLED", "false"), ("ACTORS_SERVICE_NAME", "etcd")).Sidecar.ActorsService);
        Assert.NotEqual("", Parse(("ACTORS_ENABLED", "")).Sidecar.PlacementAddress);
        Assert.Null(Flags().Parse(["--scheduler-enabled=false"]).Sidecar.SchedulerAddress);
    }

    [Theory]
    [InlineData("SIDECAR_IMAGE", "", "required key SIDECAR_IMAGE missing value")]
    [InlineData("NAMESPACE", "", "required key NAMESPACE missing value")]
    [InlineData("SIDECAR_RUN_AS_USER", "root", "failed to parse configuration: failed to parse runAsUser: ")]
    [InlineData("SIDECAR_RUN_AS_GROUP", "1.5", "failed to parse configuration: failed to parse runAsGroup: ")]
    [InlineData("ACTORS_SERVICE_NAME", "etcd", "failed to parse configuration: invalid value for actor service address: service is not in the correct format '<name>:<port>': ")]
    [InlineData("REMINDERS_SERVICE_NAME", "mine", "failed to parse configuration: invalid value for reminder service address: service is not in the correct format '<name>:<port>': ")]
    [InlineData("ALLOWED_SERVICE_ACCOUNTS", "x", "invalid pattern \"x\", must contain exactly one ':' separating namespace and name")]
    public void What_makes_no_sense_is_fatal(string variable, string value, string message)
        => Assert.StartsWith(message, Assert.Throws<OptionException>(() => Parse((variable, value))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("a", "'<name>:<port>': a")]
    [InlineData(":1", "'<name>:<port>': :1")]
    [InlineData("a:b", "port is invalid")]
    [InlineData("a:0", "port is invalid")]
    [InlineData("a:70000", "port is invalid")]
    public void A_service_address_is_a_name_and_a_port(string address, string message)
        => Assert.EndsWith(
            message, Assert.Throws<OptionException>(() => Parse(("ACTORS_SERVICE_NAME", "etcd"), ("ACTORS_SERVICE_ADDRESS", address))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("nonsense")]
    [InlineData("{}")]
    [InlineData("[1]")]
    public void Tolerations_that_can_not_be_read_are_ignored_with_a_warning(string value)
    {
        var options = Parse(("IGNORE_ENTRYPOINT_TOLERATIONS", value));
        Assert.Empty(options.Sidecar.IgnoreEntrypointTolerations);
        Assert.Contains("IGNORE_ENTRYPOINT_TOLERATIONS is ignored", Assert.Single(options.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/var/run/secrets/dapr.io/sentrytoken/token", true)]
    [InlineData("/var/run/secrets/kubernetes.io/serviceaccount/token", true)]
    [InlineData("/elsewhere", false)]
    public void Sidecars_get_a_token_when_the_injector_has_one(string file, bool hasToken)
        => Assert.Equal(hasToken, Flags(file).Parse([]).Sidecar.HasTokenVolume);

    private static InjectorOptions Parse(params (string Name, string Value)[] environment) => Flags("", environment).Parse([]);

    private static InjectorFlags Flags(string file = "", params (string Name, string Value)[] environment)
    {
        var variables = new Dictionary<string, string> { ["NAMESPACE"] = "dapr-system", ["SIDECAR_IMAGE"] = "image", ["KUBE_CLUSTER_DOMAIN"] = "example.org" };
        foreach (var (name, value) in environment)
        {
            variables[name] = value;
        }

        return new InjectorFlags(n => variables.GetValueOrDefault(n)) { FileExists = f => f == file };
    }
}
