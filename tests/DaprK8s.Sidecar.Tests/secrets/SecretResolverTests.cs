using DaprK8s.Common.Resources;
using DaprK8s.Components;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Secrets;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Tests.Secrets;

public sealed class SecretResolverTests
{
    private readonly Dictionary<string, string> environment = [];
    private readonly ScriptedSecretStore store = new ScriptedSecretStore().With("db", ("db", "whole"), ("password", "pw"), ("blank", ""));

    [Fact]
    public async Task A_plain_value_stays()
        => Assert.Equal([new("host", "h"), new("none", "")], (await ResolveAsync(Item("host", "h"), Item("none"))).Items);

    [Fact]
    public async Task A_secret_replaces_the_value_and_its_key_defaults_to_its_name()
    {
        var resolved = await ResolveAsync(Secret("a", "db", "password", value: "old"), Secret("b", "db"));
        Assert.Equal([new("a", "pw"), new("b", "whole")], resolved.Items);
        Assert.Empty(resolved.Notes);
    }

    [Fact]
    public async Task A_secret_is_fetched_once_with_the_resources_namespace()
    {
        await ResolveAsync(Secret("a", "db", "password"), Secret("b", "db"), Secret("c", "db", "nope"));
        var asked = Assert.Single(store.Asked);
        Assert.Equal(("db", "prod"), (asked.Name, asked.Metadata["namespace"]));
    }

    [Theory]
    [InlineData("db", "nope")]
    [InlineData("db", "blank")]
    public async Task A_missing_key_or_an_empty_secret_leaves_the_item(string secret, string key)
        => Assert.Equal("old", (await ResolveAsync(Secret("a", secret, key, "old"))).Find("a"));

    [Fact]
    public async Task A_store_that_fails_is_noted_once_and_leaves_the_items()
    {
        store.Failure = new IOException("sealed");
        var resolved = await ResolveAsync(Secret("a", "db", value: "old"), Secret("b", "db"));
        Assert.Equal([new("a", "old"), new("b", "")], resolved.Items);
        Assert.Equal([new ResolutionNote(LogLevel.Error, "Error getting secret: sealed")], resolved.Notes);
        Assert.Single(store.Asked);
    }

    [Fact]
    public async Task A_component_waits_for_a_store_that_is_not_loaded()
    {
        var resolved = await ResolveAsync(Item("x", "1"), new NameValuePair { Name = "a", SecretKeyRef = new SecretKeyRef { Name = "db" } }, auth: "later");
        Assert.Equal(("later", null, 0), (resolved.WaitingFor, resolved.Failure, resolved.Items.Count));
        Assert.Equal([new ResolutionNote(LogLevel.Warning, "Component comp references a secret store that isn't loaded: later")], resolved.Notes);
    }

    [Fact]
    public async Task Without_any_store_named_the_component_goes_on_with_the_items_as_they_stand()
    {
        environment["HOST"] = "h";
        var resolved = await ResolveAsync(Secret("a", "db", value: "old"), Secret("b", "db"), new NameValuePair { Name = "c", EnvRef = "HOST" }, auth: "");
        Assert.Null(resolved.WaitingFor);
        Assert.Equal([new("a", "old"), new("b", ""), new("c", "h")], resolved.Items);
        Assert.Equal([new ResolutionNote(LogLevel.Warning, "Component comp references a secret store that isn't loaded: ")], resolved.Notes);
    }

    [Fact]
    public async Task In_Kubernetes_the_operator_has_filled_in_the_built_in_stores_secrets()
    {
        var resolved = await ResolveAsync(true, "", Secret("a", "db", value: "cHc="), Secret("b", "db", value: "not base64!"));
        Assert.Equal([new("a", "pw"), new("b", "not base64!")], resolved.Items);
        var note = Assert.Single(resolved.Notes);
        Assert.Equal(LogLevel.Error, note.Level);
        Assert.StartsWith("Error decoding secret: ", note.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("not base64!", note.Text, StringComparison.Ordinal);
        Assert.Empty(store.Asked);
    }

    [Fact]
    public async Task In_Kubernetes_another_store_is_asked()
        => Assert.Equal("pw", (await ResolveAsync(true, "vault", Secret("a", "db", "password"))).Find("a"));

    [Theory]
    [InlineData("HOST", null, true)]
    [InlineData("host_lower", null, true)]
    [InlineData("HOST", "A HOST B", true)]
    [InlineData("host", "A HOST B", true)]
    [InlineData("HOST", "A HOSTS XHOST", false)]
    [InlineData("HOST", "host", false)]
    [InlineData("DAPR_API_TOKEN", null, false)]
    [InlineData("dapr_api_token", null, false)]
    [InlineData("App_Api_Token", null, false)]
    [InlineData("APP_API_TOKEN", "APP_API_TOKEN", false)]
    [InlineData("A B", null, false)]
    [InlineData("A B", "A B", false)]
    public async Task Only_harmless_and_listed_variables_are_read(string name, string? allowList, bool allowed)
    {
        environment[name] = "value";
        if (allowList is not null)
        {
            environment["DAPR_ENV_KEYS"] = allowList;
        }

        var resolved = await ResolveAsync(new NameValuePair { Name = "a", EnvRef = name });
        Assert.Equal(allowed ? "value" : "", resolved.Find("a"));
        Assert.Equal(allowed ? [] : [$"Component comp references an env variable that isn't allowed: {name}"], resolved.Notes.Select(n => n.Text));
    }

    [Fact]
    public async Task A_variable_gives_way_to_a_value_and_comes_before_a_secret()
    {
        environment["HOST"] = "h";
        var resolved = await ResolveAsync(
            new NameValuePair { Name = "a", Value = "v", EnvRef = "HOST" },
            new NameValuePair { Name = "b", EnvRef = "HOST", SecretKeyRef = new SecretKeyRef { Name = "db" } },
            new NameValuePair { Name = "c", EnvRef = "UNSET" });
        Assert.Equal([new("a", "v"), new("b", "h"), new("c", "")], resolved.Items);
    }

    [Fact]
    public async Task Templates_are_expanded_in_whatever_the_value_came_from()
    {
        environment["POD_NAME"] = "pod-1";
        environment["E"] = "{appID}";
        store.With("t", ("t", "{namespace}"));
        var resolved = await ResolveAsync(Item("a", "{podName}-{appID}-{other}"), Secret("b", "t"), new NameValuePair { Name = "c", EnvRef = "E" });
        Assert.Equal([new("a", "pod-1-app1-{other}"), new("b", "prod.app1"), new("c", "app1")], resolved.Items);
    }

    [Fact]
    public async Task A_pod_name_that_is_not_set_fails_the_component()
    {
        var resolved = await ResolveAsync(Item("consumerID", "{podName}"));
        Assert.Equal("failed to parse metadata: property consumerID refers to {podName} but podName is not set", resolved.Failure);
        Assert.Empty(resolved.Items);
    }

    [Fact]
    public async Task An_endpoints_headers_and_TLS_material_are_resolved_without_templates()
    {
        environment["TOKEN"] = "t";
        var endpoint = new HttpEndpoint
        {
            Metadata = new ObjectMeta { Name = "ep" },
            Auth = new ResourceAuth { SecretStore = "vault" },
            Spec = new HttpEndpointSpec
            {
                Headers = [Item("h", "{uuid}"), new NameValuePair { Name = "e", EnvRef = "TOKEN" }, new NameValuePair { Name = "bad", EnvRef = "DAPR_X" }, Secret("s", "db", "password")],
                ClientTLS = new ClientTls { RootCA = new SecretableValue { Value = "pem" }, PrivateKey = new SecretableValue { SecretKeyRef = new SecretKeyRef { Name = "db" } } },
            },
        };
        var resolved = await Resolver(false).ResolveAsync(endpoint, TestContext.Current.CancellationToken);
        Assert.Equal([new("h", "{uuid}"), new("e", "t"), new("bad", ""), new("s", "pw")], resolved.Headers.Items);
        Assert.Equal(("pem", null, "whole"), (resolved.RootCa, resolved.Certificate, resolved.PrivateKey));
        Assert.Equal("HTTPEndpoint ep references an env variable that isn't allowed: DAPR_X", Assert.Single(resolved.Headers.Notes).Text);
        Assert.Single(store.Asked);
    }

    [Fact]
    public async Task An_endpoint_waits_for_the_store_of_its_TLS_material()
    {
        var endpoint = new HttpEndpoint
        {
            Metadata = new ObjectMeta { Name = "ep" },
            Auth = new ResourceAuth { SecretStore = "later" },
            Spec = new HttpEndpointSpec { Headers = [Item("h", "1")], ClientTLS = new ClientTls { PrivateKey = new SecretableValue { SecretKeyRef = new SecretKeyRef { Name = "db" } } } },
        };
        Assert.Equal("later", (await Resolver(false).ResolveAsync(endpoint, TestContext.Current.CancellationToken)).Headers.WaitingFor);
    }

    private SecretResolver Resolver(bool isKubernetes)
        => new(name => name == "vault" ? store : null, n => environment.GetValueOrDefault(n), new SidecarInfo("app1", "prod"), isKubernetes);

    private Task<ResolvedItems> ResolveAsync(params NameValuePair[] items) => ResolveAsync(false, "vault", items);

    private Task<ResolvedItems> ResolveAsync(NameValuePair first, NameValuePair second, string auth) => ResolveAsync(false, auth, first, second);

    private Task<ResolvedItems> ResolveAsync(NameValuePair first, NameValuePair second, NameValuePair third, string auth)
        => ResolveAsync(false, auth, first, second, third);

    private async Task<ResolvedItems> ResolveAsync(bool isKubernetes, string auth, params NameValuePair[] items)
    {
        var component = new Component
        {
            Metadata = new ObjectMeta { Name = "comp", Namespace = "prod" },
            Auth = new ResourceAuth { SecretStore = auth },
            Spec = new ComponentSpec { Type = "state.redis", Version = "v1", Metadata = [.. items] },
        };
        return await Resolver(isKubernetes).ResolveAsync(component, TestContext.Current.CancellationToken);
    }

    private static NameValuePair Item(string name, string? value = null) => new() { Name = name, Value = value };

    private static NameValuePair Secret(string name, string secret, string? key = null, string? value = null)
        => new() { Name = name, Value = value, SecretKeyRef = new SecretKeyRef { Name = secret, Key = key } };
}
