using System.Net;
using System.Net.Sockets;
using DaprK8s.KubernetesApi.Access;
using DaprK8s.KubernetesApi.Faults;
using DaprK8s.KubernetesApi.Kinds;
using DaprK8s.KubernetesApi.Requests;
using DaprK8s.KubernetesApi.Storage;
using DaprK8s.TestServers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace DaprK8s.KubernetesApi;

/// <summary>
/// A Kubernetes API server for tests: the part of it that the control plane uses, over TLS, with the misbehaviour that a real one
/// shows on bad days. It can go away and come back at the same address with its objects.
/// </summary>
public sealed class KubernetesApiServer : IAsyncDisposable
{
    private readonly ObjectStore store = new();
    private readonly TestAuthority authority;
    private readonly Listing lists;
    private readonly Watching watches;
    private readonly RequestPipeline pipeline;
    private readonly int port = Loopback.FreePort();
    private WebApplication? app;

    private KubernetesApiServer(string[] serverNames)
    {
        authority = new TestAuthority(serverNames);
        lists = new Listing(store);
        watches = new Watching(store);
        Tokens = new Tokens(store, Types);
        Objects = new ClusterObjects(store, Types);
        pipeline = new RequestPipeline(store, Types, Tokens, Access, Faults, lists, watches);
        Objects.AddNamespace("default");
    }

    /// <summary>The base address.</summary>
    public Uri Address => new($"https://{IPAddress.Loopback}:{port}");

    /// <summary>The certificate authority's certificate, PEM.</summary>
    public string AuthorityPem => authority.RootPem;

    /// <summary>The served kinds.</summary>
    public ResourceTypes Types { get; } = new();

    /// <summary>The cluster's objects.</summary>
    public ClusterObjects Objects { get; }

    /// <summary>Tokens and their owners.</summary>
    public Tokens Tokens { get; }

    /// <summary>Who may do what.</summary>
    public AccessRules Access { get; } = new();

    /// <summary>What goes wrong, and what was asked.</summary>
    public FaultPlan Faults { get; } = new();

    /// <summary>How many watches are open.</summary>
    public int OpenWatches => watches.Running;

    /// <summary>Starts a server.</summary>
    /// <param name="serverNames">DNS names and addresses of its certificate, beside the loopback address.</param>
    public static async Task<KubernetesApiServer> StartAsync(params string[] serverNames)
    {
        var server = new KubernetesApiServer(serverNames);
        await server.ResumeAsync();
        return server;
    }

    /// <summary>Goes away: open connections break, new ones are refused.</summary>
    public async Task PauseAsync()
    {
        if (app is { } running)
        {
            app = null;
            watches.Interrupt(Watching.Interruption.Cut);
            using var now = new CancellationTokenSource();
            await now.CancelAsync();
            await running.StopAsync(now.Token);
            await running.DisposeAsync();
        }
    }

    /// <summary>Comes back at the same address.</summary>
    public async Task ResumeAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(k =>
        {
            k.Listen(IPAddress.Loopback, port, l => l.UseHttps(authority.Server));
            k.AllowSynchronousIO = false;
        });
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.Zero);
        builder.Logging.ClearProviders();
        var next = builder.Build();
        next.Run(pipeline.HandleAsync);
        await next.StartAsync();
        app = next;
    }

    /// <summary>Forgets the past: watches and half-told lists from before now have expired (410), and open watches are told so.</summary>
    public void ExpireHistory()
    {
        store.Compact();
        lists.Expire();
        watches.Interrupt(Watching.Interruption.Expire);
    }

    /// <summary>Tells all open watches that wanted it how far they are.</summary>
    public void SendBookmarks() => watches.Interrupt(Watching.Interruption.Bookmark);

    /// <summary>Breaks the connections of all open watches.</summary>
    public void CutWatches() => watches.Interrupt(Watching.Interruption.Cut);

    /// <summary>Ends all open watches in good order, as their time limit does.</summary>
    public void EndWatches() => watches.Interrupt(Watching.Interruption.End);

    /// <summary>Writes a kubeconfig file for a client.</summary>
    /// <param name="path">The file.</param>
    /// <param name="token">What the client authenticates with; the administrator's token when absent.</param>
    public void WriteKubeConfig(string path, string? token = null) => File.WriteAllText(path, $"""
        apiVersion: v1
        kind: Config
        current-context: test
        clusters:
        - name: test
          cluster:
            server: {Address}
            certificate-authority-data: {Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(AuthorityPem))}
        users:
        - name: test
          user:
            token: {token ?? Tokens.AdministratorToken}
        contexts:
        - name: test
          context:
            cluster: test
            user: test

        """);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await PauseAsync();
        Tokens.Dispose();
        authority.Dispose();
    }
}
