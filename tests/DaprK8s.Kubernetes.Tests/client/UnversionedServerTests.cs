using System.Collections.Concurrent;
using DaprK8s.Common.Kubernetes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Kubernetes.Tests.Client;

/// <summary>A server that gives neither objects nor lists a version, and ends each watch at once (contract: k8s 2.9).</summary>
public sealed class UnversionedServerTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Its_objects_are_known_and_its_changes_seen_in_watches_and_in_lists()
    {
        var listed = new ConcurrentDictionary<string, string> { ["a"] = "one" };
        var watched = new ConcurrentQueue<string>();
        await using var app = await StartAsync(listed, watched);
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, $$"""
            {"apiVersion":"v1","kind":"Config","current-context":"t","clusters":[{"name":"t","cluster":{"server":"{{app.Urls.First()}}"} }],
             "users":[{"name":"t","user":{"token":"x"} }],"contexts":[{"name":"t","context":{"cluster":"t","user":"t"} }]}
            """, Stop);
        using var client = new KubernetesClient(KubernetesConnection.Find(file, TimeProvider.System), TimeProvider.System);
        File.Delete(file);
        var told = new ConcurrentQueue<string>();
        var informer = new Informer<PartialObject>(client, ApiResources.MetadataOf("pods"), new InformerScope(), new RecordingLogger(), TimeProvider.System)
        {
            Changed = c => told.Enqueue($"{ValueOf(c.Before)}>{ValueOf(c.After)}"),
        };
        using var end = new CancellationTokenSource();
        var running = informer.RunAsync(end.Token);
        await informer.WaitForSyncAsync(Stop).WaitAsync(TimeSpan.FromSeconds(30), Stop);
        Assert.Equal("one", ValueOf(informer.Find("default", "a")));

        listed["a"] = "two";
        await Eventually.TrueAsync(() => told.Contains("one>two"), "a change that only lists show is seen");
        listed["b"] = "new";
        await Eventually.TrueAsync(() => told.Contains(">new"), "an object that only lists show is seen");
        watched.Enqueue($$"""{"type":"ADDED","object":{{Pod("c", "watched")}}}""");
        await Eventually.TrueAsync(() => told.Contains(">watched"), "an object of a watch is seen");
        listed.TryRemove("b", out _);
        await Eventually.TrueAsync(() => told.Contains("new>"), "that one has gone is seen");

        await end.CancelAsync();
        await running;
    }

    private static async Task<WebApplication> StartAsync(ConcurrentDictionary<string, string> listed, ConcurrentQueue<string> watched)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.MapGet("/api/v1/pods", async context =>
        {
            context.Response.ContentType = "application/json";
            var answer = context.Request.Query.ContainsKey("watch")
                ? watched.TryDequeue(out var change) ? change + "\n" : ""
                : $$"""{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":{},"items":[{{string.Join(',', listed.Select(l => Pod(l.Key, l.Value)))}}]}""";
            await context.Response.WriteAsync(answer, context.RequestAborted);
        });
        await app.StartAsync(Stop);
        return app;
    }

    private static string Pod(string name, string value) => $$$"""{"metadata":{"name":"{{{name}}}","namespace":"default","annotations":{"l":"{{{value}}}"} } }""";

    private static string? ValueOf(PartialObject? pod) => pod?.Metadata.Annotations?["l"];
}
