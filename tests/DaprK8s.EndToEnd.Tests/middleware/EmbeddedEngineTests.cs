using System.Net;
using DaprK8s.EndToEnd.Tests.Fixture;

namespace DaprK8s.EndToEnd.Tests.Middleware;

/// <summary>The middlewares that bring an engine with them, in the executable as it is published.</summary>
public sealed class EmbeddedEngineTests
{
    private const string Policy = """
        apiVersion: dapr.io/v1alpha1
        kind: Component
        metadata:
          name: policy
        spec:
          type: middleware.http.opa
          version: v1
          metadata:
          - name: includedHeaders
            value: x-user
          - name: defaultStatus
            value: 418
          - name: rego
            value: |
              package http
              default allow = false
              allow { regex.match("^/v1.0/healthz", input.request.path) }
              allow { input.request.headers["X-User"] == yaml.unmarshal("user: admin").user }
        """;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_WebAssembly_guest_runs_and_the_Configuration_can_make_every_sandbox_strict(bool strict)
    {
        // Answers with eight random bytes, which are no accident in a strict sandbox.
        var guest = Wasmtime.Module.ConvertText("""
            (module
              (import "http_handler" "write_body" (func $write_body (param i32 i32 i32)))
              (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
              (memory (export "memory") 1)
              (func (export "handle_request") (result i64)
                (drop (call $random_get (i32.const 0) (i32.const 8)))
                (call $write_body (i32.const 1) (i32.const 0) (i32.const 8))
                (i64.const 0))
              (func (export "handle_response") (param i32 i32)))
            """);
        var file = Path.Combine(TestScope.Current.RuntimeDirectory, $"guest-{strict}.wasm");
        await File.WriteAllBytesAsync(file, guest);
        var config = Resource.Configuration(
            $"httpPipeline:\n  handlers:\n  - name: guest\n    type: middleware.http.wasm\nwasm:\n  strictSandbox: {(strict ? "true" : "false")}");
        var setup = Daprd.With(config: config, resources: Pipelines.Component("guest", "wasm", ("url", "file://" + file), ("strictSandbox", "false")));
        await using var one = await setup.StartAsync(Until.Started);
        await using var two = await setup.StartAsync(Until.Started);

        var (first, second) = (await AnswerAsync(one), await AnswerAsync(two));

        Assert.Equal(8, first.Length);
        Assert.Equal(strict, first.AsSpan().SequenceEqual(second));
    }

    [Fact]
    public async Task A_Rego_policy_decides_by_path_and_token()
    {
        await using var daprd = await Daprd.With(
            config: Pipelines.OfApi(("policy", "opa")),
            resources: Resource.All(Resource.InMemoryState(), Policy)).StartAsync(Until.Ready);
        using var admin = new HttpRequestMessage(HttpMethod.Get, "/v1.0/metadata") { Headers = { { "x-user", "admin" } } };

        using var allowed = await daprd.Http.SendAsync(admin);
        using var refused = await daprd.Http.GetAsync("/v1.0/metadata");

        Assert.Equal((HttpStatusCode.OK, 418), (allowed.StatusCode, (int)refused.StatusCode));
    }

    // Health passes the guest too, so the answer itself tells that it is up.
    private static async Task<byte[]> AnswerAsync(Daprd daprd)
        => await Eventually.GetAsync<byte[]>(async () =>
        {
            using var answer = await daprd.Http.GetAsync("/anything");
            var body = await answer.Content.ReadAsByteArrayAsync();
            return answer.StatusCode == HttpStatusCode.OK && body.Length == 8 ? body : null;
        }, "the guest's answer");
}
