using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using DaprK8s.Bench.Kubernetes;
using DaprK8s.Bench.Load;

namespace DaprK8s.Bench.Scenarios;

/// <summary>How long the webhook takes to answer for a pod, as the API server asks it: over TLS, on connections that stay.</summary>
internal sealed class Injection(Settings settings, Servers servers) : Scenario(settings, servers)
{
    private const int Callers = 4;

    public override string Name => "injector";

    public override async Task<Section> RunAsync()
    {
        await using var plane = await ControlPlaneUnderTest.StartAsync(Settings);
        var ready = await ReadyTimes.MeasureAsync(Settings, plane, plane.StartInjectorAsync);
        var injector = await plane.StartInjectorAsync();
        var section = new Section($"Injector: a pod of a Deployment, {Callers} requests at a time", "what", "measured", "aim");
        section.Row(ready.Row("ready"));
        section.Row((await ReadyTimes.OfKeyAsync(Settings)).Row("an RSA key alone, which the certificate must have", ""));
        section.Row("resident memory, idle", Cell.Megabytes(injector.Memory.Resident), "40 MB");
        using var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        using var http = new HttpClient(handler) { BaseAddress = new Uri($"https://127.0.0.1:{injector.Port}") };
        await LoadAsync(http, Settings.WarmUp);
        var before = injector.Cpu;
        var clock = Stopwatch.StartNew();
        var latencies = await LoadAsync(http, Settings.Length);
        section.Row("injections per second", Cell.Rate(latencies.Count / clock.Elapsed.TotalSeconds), "");
        section.Row("p50", Cell.Ms(latencies.Percentile(0.5)), "");
        section.Row("p99", Cell.Ms(latencies.Percentile(0.99)), "10 ms");
        section.Row("CPU per 1,000 injections", Cell.CpuPerThousand(injector.Cpu - before, latencies.Count), "");
        section.Row("resident memory, after", Cell.Megabytes(injector.Memory.Resident), "40 MB");
        return section;
    }

    private static async Task<LatencyHistogram> LoadAsync(HttpClient http, TimeSpan length)
    {
        var body = Encoding.UTF8.GetBytes(Review());
        var clock = Stopwatch.StartNew();
        var all = new LatencyHistogram();
        foreach (var part in await Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => CallAsync(http, body, clock, length))))
        {
            all.Add(part);
        }

        return all;
    }

    private static async Task<LatencyHistogram> CallAsync(HttpClient http, byte[] body, Stopwatch clock, TimeSpan length)
    {
        var latencies = new LatencyHistogram();
        while (clock.Elapsed < length)
        {
            var began = Stopwatch.GetTimestamp();
            using var content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
            using var answer = await http.PostAsync(new Uri("/mutate?timeout=10s", UriKind.Relative), content);
            var text = await answer.Content.ReadAsByteArrayAsync();
            latencies.Record((long)Stopwatch.GetElapsedTime(began).TotalNanoseconds);
            if (!answer.IsSuccessStatusCode || text.AsSpan().IndexOf("\"patch\""u8) < 0)
            {
                throw new InvalidOperationException($"no injection: {(int)answer.StatusCode} {Encoding.UTF8.GetString(text)}");
            }
        }

        return latencies;
    }

    private static string Review() => new JsonObject
    {
        ["apiVersion"] = "admission.k8s.io/v1",
        ["kind"] = "AdmissionReview",
        ["request"] = new JsonObject
        {
            ["uid"] = "0f7b3b9e-5c5b-4d3e-9a60-0d5c3b1f7a11",
            ["kind"] = new JsonObject { ["group"] = "", ["version"] = "v1", ["kind"] = "Pod" },
            ["resource"] = new JsonObject { ["group"] = "", ["version"] = "v1", ["resource"] = "pods" },
            ["operation"] = "CREATE",
            ["namespace"] = "default",
            ["userInfo"] = new JsonObject { ["username"] = "system:serviceaccount:kube-system:replicaset-controller", ["uid"] = "1", ["groups"] = new JsonArray("system:serviceaccounts") },
            ["object"] = new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "Pod",
                ["metadata"] = new JsonObject
                {
                    ["generateName"] = "orders-7d9f8c6b5-",
                    ["labels"] = new JsonObject { ["app"] = "orders", ["pod-template-hash"] = "7d9f8c6b5" },
                    ["annotations"] = new JsonObject
                    {
                        ["dapr.io/enabled"] = "true", ["dapr.io/app-id"] = "orders", ["dapr.io/app-port"] = "8080", ["dapr.io/config"] = "appconfig",
                        ["dapr.io/log-as-json"] = "true", ["dapr.io/sidecar-memory-limit"] = "128Mi", ["dapr.io/env"] = "A=1,B=2",
                    },
                },
                ["spec"] = new JsonObject
                {
                    ["containers"] = new JsonArray(new JsonObject
                    {
                        ["name"] = "orders",
                        ["image"] = "example/orders:1.4.2",
                        ["ports"] = new JsonArray(new JsonObject { ["containerPort"] = 8080 }),
                        ["env"] = new JsonArray(new JsonObject { ["name"] = "MODE", ["value"] = "production" }),
                        ["volumeMounts"] = new JsonArray(new JsonObject { ["name"] = "kube-api-access", ["mountPath"] = "/var/run/secrets/kubernetes.io/serviceaccount", ["readOnly"] = true }),
                    }),
                    ["volumes"] = new JsonArray(new JsonObject { ["name"] = "kube-api-access", ["projected"] = new JsonObject { ["defaultMode"] = 420, ["sources"] = new JsonArray() } }),
                    ["serviceAccountName"] = "default",
                },
            },
        },
    }.ToJsonString();
}
