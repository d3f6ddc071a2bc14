using System.Net;
using DaprK8s.KubernetesApi.Access;
using DaprK8s.KubernetesApi.Admission;
using DaprK8s.KubernetesApi.BuiltIn;
using DaprK8s.KubernetesApi.CustomResources;
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
/// A Kubernetes API server for tests, over TLS, that <c>kubectl</c> and <c>helm</c> work with as with a real one, and that shows the
/// misbehaviour of a real one on bad days. It can go away and come back at the same address with its objects.
/// </summary>
public sealed class KubernetesApiServer : IAsyncDisposable
{
    private readonly ObjectStore store = new();
    private readonly TestAuthority authority;
    private readonly WebhookClient webhookClient;
    private readonly Listing lists;
    private readonly Watching watches;
    private readonly RequestPipeline pipeline;
    private readonly KubernetesApiOptions options;
    private readonly int port;
    private WebApplication? app;

    private KubernetesApiServer(KubernetesApiOptions options, TestAuthority authority)
    {
        this.options = options;
        this.authority = authority;
        port = options.Port == 0 ? Loopback.FreePort() : options.Port;
        Version = options.Version;
        Types = new ResourceTypes(options.WithDaprKinds);
        store.Changing = Types.Follow;
        webhookClient = new WebhookClient(Services);
        var conversion = new Conversion(Types, webhookClient);
        var deletes = new Deleting(store, Types);
        var accounts = new ServiceAccounts(store, Types) { AccountsMustExist = options.RequiresServiceAccounts };
        var webhooks = new WebhookAdmission(store, Types, webhookClient, conversion);
        var writes = new Writing(store, Types, deletes, conversion, webhooks, accounts, new ClusterAddresses(options.ServiceAddressPrefix));
        lists = new Listing(store, conversion);
        watches = new Watching(store, conversion);
        Tokens = new Tokens(store, Types);
        Access = new AccessRules(new RoleBasedAccess(store, Types)) { UsesStoredRoles = options.UsesStoredRoles };
        Objects = new ClusterObjects(store, Types, deletes, writes);
        pipeline = new RequestPipeline(this, store, conversion, writes, lists, watches);
        DefaultRoles.Create(store, Types);
        Objects.AddNamespace("default");
    }

    /// <summary>The base address.</summary>
    public Uri Address => new($"https://{options.Addresses[0]}:{port}");

    /// <summary>The certificate authority's certificate, PEM.</summary>
    public string AuthorityPem => authority.RootPem;

    /// <summary>The Kubernetes version that it says it is, such as <c>v1.27.3</c>.</summary>
    public string Version { get; set; }

    /// <summary>The served kinds.</summary>
    public ResourceTypes Types { get; }

    /// <summary>The cluster's objects.</summary>
    public ClusterObjects Objects { get; }

    /// <summary>Tokens and their owners.</summary>
    public Tokens Tokens { get; }

    /// <summary>Who may do what.</summary>
    public AccessRules Access { get; }

    /// <summary>Where Services are reached, for webhooks.</summary>
    public ServiceResolver Services { get; } = new();

    /// <summary>What goes wrong, and what was asked.</summary>
    public FaultPlan Faults { get; } = new();

    /// <summary>Writes the output of a container, for <c>kubectl logs</c>; there is none when not set.</summary>
    public Func<PodLogRequest, Stream, CancellationToken, Task>? PodLogs { get; set; }

    /// <summary>How many watches are open.</summary>
    public int OpenWatches => watches.Running;

    /// <summary>Starts a server that serves the kinds of <c>dapr.io</c> without definitions.</summary>
    /// <param name="serverNames">DNS names of its certificate, beside the loopback address.</param>
    public static async Task<KubernetesApiServer> StartAsync(params string[] serverNames)
    {
        var server = new KubernetesApiServer(new KubernetesApiOptions { WithDaprKinds = true }, new TestAuthority(serverNames, [IPAddress.Loopback]));
        await server.ResumeAsync();
        return server;
    }

    /// <summary>Starts a server as a cluster's.</summary>
    public static async Task<KubernetesApiServer> StartAsync(KubernetesApiOptions options)
    {
        string[] names =
        [
            "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", .. options.ServerNames,
        ];
        var server = new KubernetesApiServer(options, new TestAuthority(names, [IPAddress.Loopback, .. options.Addresses, .. options.ServerAddresses]));
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
            foreach (var address in options.Addresses)
            {
                k.Listen(address, port, l => l.UseHttps(authority.Server));
            }

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
        webhookClient.Dispose();
        pipeline.Dispose();
        authority.Dispose();
    }
}
