using System.Text.Json;
using DaprK8s.EndToEnd.Tests.Fixture;
using Grpc.Core;

namespace DaprK8s.EndToEnd.Tests.Security;

/// <summary>Secrets that an app may not read (attack checklist 32): by scope, by the sidecar's own environment, by reference.</summary>
public sealed class SecretScopeTests
{
    private static readonly Dictionary<string, string> Variables = new()
    {
        ["APP_API_TOKEN"] = "concealed-app-token",
        ["DAPR_HIDDEN"] = "concealed-dapr-variable",
        ["dapr_lower"] = "concealed-lower-variable",
        ["OPEN_VALUE"] = "open value",
        ["CLOSED_VALUE"] = "concealed-closed-value",
    };

    [Fact]
    public async Task A_denied_secret_is_denied_in_every_spelling()
    {
        await using var daprd = await WithFileAsync("defaultAccess: allow, deniedSecrets: [closed, with/slash, map]");
        string[] spellings =
        [
            "closed", "closed/", "/closed", "//closed", "./closed", "open/../closed", "closed%00", "closed%00x", "%00closed", "closed%20", "%20closed", "closed+", "CLOSED", "Closed",
            "%63losed", "closed%2F", "closed%2f..%2fclosed", "with%2Fslash", "with%2fslash", "with/slash", "map", "map:inner", "map%3Ainner", "open,closed", "open%0Aclosed", "closed?x", "closed;x",
            "closed?metadata.namespace=x", "open?metadata.key=closed", "bulk%2F..%2Fclosed",
        ];

        foreach (var spelling in spellings)
        {
            var (status, answer) = await Raw.GetAsync(daprd.HttpPort, "/v1.0/secrets/store/" + spelling);
            Assert.DoesNotContain("hidden", answer);
            Assert.True(status != 200 || spelling.StartsWith("open?", StringComparison.Ordinal), $"{spelling}: {answer}");

            try
            {
                var reply = await daprd.Grpc.GetSecretAsync(new() { StoreName = "store", Key = Uri.UnescapeDataString(spelling) });
                Assert.DoesNotContain(reply.Data.Values, v => v.Contains("hidden", StringComparison.Ordinal));
            }
            catch (RpcException e)
            {
                Assert.DoesNotContain("hidden", e.ToString());
            }
        }

        using var denied = await daprd.Http.GetAsync("/v1.0/secrets/store/closed");
        var body = await denied.Content.ReadAsStringAsync();
        Assert.Equal(403, (int)denied.StatusCode);
        Assert.Contains("ERR_PERMISSION_DENIED", body);
        Assert.Contains("access denied by policy to get \\\"closed\\\" from \\\"store\\\"", body);
        var refused = await Assert.ThrowsAsync<RpcException>(() => daprd.Grpc.GetSecretAsync(new() { StoreName = "store", Key = "closed" }).ResponseAsync);
        Assert.Equal((StatusCode.PermissionDenied, "access denied by policy to get \"closed\" from \"store\""), (refused.StatusCode, refused.Status.Detail));
    }

    [Theory]
    [InlineData("defaultAccess: deny, allowedSecrets: [open]", "open")]
    [InlineData("defaultAccess: DENY", "")]
    [InlineData("defaultAccess: allow, allowedSecrets: [open], deniedSecrets: [open]", "open")]
    [InlineData("deniedSecrets: [closed, map, with/slash]", "open")]
    public async Task Reading_all_leaves_out_what_may_not_be_read(string scope, string expected)
    {
        await using var daprd = await WithFileAsync(scope);

        var http = await daprd.Http.GetStringAsync("/v1.0/secrets/store/bulk");
        var grpc = await daprd.Grpc.GetBulkSecretAsync(new() { StoreName = "store" });

        var names = expected.Split(',', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(names, JsonDocument.Parse(http).RootElement.EnumerateObject().Select(p => p.Name).Order());
        Assert.Equal(names, grpc.Data.Keys.Order());
        Assert.DoesNotContain("hidden", http + grpc);
    }

    [Theory]
    [InlineData("")]
    [InlineData("APP_")]
    [InlineData("APP_API_TOKE")]
    [InlineData("D")]
    [InlineData("DAPR_")]
    [InlineData("dapr_")]
    public async Task The_environment_store_shows_no_token_whatever_its_prefix(string prefix)
    {
        await using var daprd = await Daprd.With(
            resources: Resource.Component("env", "secretstores.local.env", ("prefix", prefix)), env: Variables).StartAsync(Until.Ready);
        var forbidden = new[] { "APP_API_TOKEN", "DAPR_HIDDEN", "dapr_lower" };
        var names = forbidden.Concat(forbidden.Where(f => f.StartsWith(prefix, StringComparison.Ordinal)).Select(f => f[prefix.Length..])).Where(n => n.Length > 0);

        foreach (var name in names.SelectMany(n => new[] { n, n.ToLowerInvariant(), n + "\0", n + "\0x", "\0" + n, n + "=", " " + n, n + " ", "./" + n }))
        {
            var (status, answer) = await Raw.GetAsync(daprd.HttpPort, $"/v1.0/secrets/env/{Uri.EscapeDataString(name)}");
            var grpc = await daprd.Grpc.GetSecretAsync(new() { StoreName = "env", Key = name });

            Assert.True(status is 200 or 204 or 400 or 404, answer);
            Assert.DoesNotContain("concealed", answer + grpc);
        }

        Assert.DoesNotContain("concealed-app", await daprd.Http.GetStringAsync("/v1.0/secrets/env/bulk"));
        Assert.DoesNotContain("concealed-dapr", await daprd.Http.GetStringAsync("/v1.0/secrets/env/bulk"));
        Assert.DoesNotContain("concealed-lower", await daprd.Http.GetStringAsync("/v1.0/secrets/env/bulk"));
        Assert.DoesNotContain(daprd.Log.All, l => l.Contains("concealed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_scope_on_the_environment_store_is_not_passed_by_with_a_NUL()
    {
        await using var daprd = await Daprd.With(
            resources: Resource.Component("env", "secretstores.local.env"), env: Variables,
            config: Resource.Configuration("secrets: {scopes: [{storeName: env, deniedSecrets: [CLOSED_VALUE]}]}")).StartAsync(Until.Ready);

        foreach (var name in new[] { "CLOSED_VALUE", "CLOSED_VALUE%00", "CLOSED_VALUE%00x" })
        {
            Assert.DoesNotContain("concealed", (await Raw.GetAsync(daprd.HttpPort, "/v1.0/secrets/env/" + name)).Answer);
            try
            {
                Assert.DoesNotContain("concealed", (await daprd.Grpc.GetSecretAsync(new() { StoreName = "env", Key = Uri.UnescapeDataString(name) })).ToString());
            }
            catch (RpcException e)
            {
                Assert.Equal(StatusCode.PermissionDenied, e.StatusCode);
            }
        }

        Assert.Contains("open value", await daprd.Http.GetStringAsync("/v1.0/secrets/env/OPEN_VALUE"));
    }

    [Theory]
    [InlineData("APP_API_TOKEN")]
    [InlineData("app_api_token")]
    [InlineData("App_Api_Token")]
    [InlineData("DAPR_HIDDEN")]
    [InlineData("dapr_lower")]
    [InlineData("Dapr_Hidden")]
    [InlineData(" APP_API_TOKEN")]
    [InlineData("APP_API_TOKEN ")]
    [InlineData("APP_API_TOKEN\\0x")]
    [InlineData("")]
    public async Task Resources_cannot_refer_to_the_sidecars_own_variables(string name)
    {
        await using var outside = await HttpApp.StartAsync(a => a.On("*", Reply.Ok));
        await using var daprd = await Daprd.With(resources: Endpoint(outside.Port, name), env: Variables).StartAsync(Until.Ready);

        using var answer = await daprd.Http.GetAsync("/v1.0/invoke/named/method/x");

        Assert.DoesNotContain(outside.Requests.All, r => r.Headers.Any(h => h.Value.Any(v => v.Contains("concealed", StringComparison.Ordinal))));
        Assert.DoesNotContain(daprd.Log.All, l => l.Contains("concealed", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("OPEN_VALUE", "OTHER OPEN_VALUE", "open value")]
    [InlineData("open_value", "OPEN_VALUE", null)]
    [InlineData("CLOSED_VALUE", "OPEN_VALUE", null)]
    [InlineData("APP_API_TOKEN", "APP_API_TOKEN", null)]
    [InlineData("DAPR_HIDDEN", "DAPR_HIDDEN", null)]
    public async Task With_a_list_of_variables_only_those_can_be_referred_to(string name, string list, string? seen)
    {
        await using var outside = await HttpApp.StartAsync(a => a.On("*", Reply.Ok));
        await using var daprd = await Daprd.With(
            resources: Endpoint(outside.Port, name), env: new Dictionary<string, string>(Variables) { ["DAPR_ENV_KEYS"] = list }).StartAsync(Until.Ready);

        using var answer = await daprd.Http.GetAsync("/v1.0/invoke/named/method/x");

        var value = Assert.Single(outside.Requests.All).Header("X-Referred");
        Assert.Equal(seen, string.IsNullOrEmpty(value) ? null : value);
    }

    [Fact]
    public async Task The_file_of_a_secret_store_is_the_only_file_it_reads()
    {
        await using var daprd = await WithFileAsync("defaultAccess: allow");

        foreach (var name in new[] { "../../../../etc/passwd", "/etc/passwd", "..%2F..%2F..%2F..%2Fetc%2Fpasswd", "%2Fetc%2Fpasswd", "file:%2F%2F%2Fetc%2Fpasswd" })
        {
            var (status, answer) = await Raw.GetAsync(daprd.HttpPort, "/v1.0/secrets/store/" + name);
            Assert.NotEqual(200, status);
            Assert.DoesNotContain("root:", answer);
        }
    }

    private static async Task<Daprd> WithFileAsync(string scope)
    {
        var file = Path.Combine(TestScope.Current.RuntimeDirectory, Guid.NewGuid() + ".json");
        await File.WriteAllTextAsync(file, """{"open":"open value","closed":"hidden one","with/slash":"hidden two","map":{"inner":"hidden three"}}""");
        return await Daprd.With(
            resources: Resource.Component("store", "secretstores.local.file", ("secretsFile", file), ("multiValued", "true")),
            config: Resource.Configuration($"secrets: {{scopes: [{{storeName: store, {scope}}}]}}")).StartAsync(Until.Ready);
    }

    private static string Endpoint(int port, string variable)
        => $"apiVersion: dapr.io/v1alpha1\nkind: HTTPEndpoint\nmetadata:\n  name: named\nspec:\n  baseUrl: http://127.0.0.1:{port}\n  headers:\n  - name: X-Referred\n    envRef: \"{variable}\"";
}
