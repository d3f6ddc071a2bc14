using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using DaprK8s.Common.Identity;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Operator.Server;
using DaprK8s.TestServers;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Operator.Tests.Support;

/// <summary>A whole operator in this process, on ports of its own.</summary>
internal sealed class RunningOperator : IAsyncDisposable
{
    private readonly OperatorCluster cluster;
    private readonly CancellationTokenSource stop = new();
    private readonly List<GrpcChannel> channels = [];

    public RunningOperator(OperatorCluster cluster, string name, string[] flags)
    {
        this.cluster = cluster;
        User = name;
        var environment = new Dictionary<string, string>
        {
            ["NAMESPACE"] = OperatorCluster.ControlPlane, ["POD_NAME"] = name, ["POD_IP"] = "127.0.0.1", [IdentityToken.FileVariable] = cluster.TokenFile,
        };
        Options = new OperatorFlags(environment.GetValueOrDefault).Parse(
        [
            "--port", $"{Loopback.FreePort()}", "--healthz-port", $"{Loopback.FreePort()}", "--metrics-port", $"{Loopback.FreePort()}",
            "--webhook-server-port", $"{Loopback.FreePort()}", "--trust-anchors-file", cluster.AnchorsFile, "--kubeconfig", cluster.KubeConfigOf(name),
            "--listen-address", "127.0.0.1", "--healthz-listen-address", "127.0.0.1", "--metrics-listen-address", "127.0.0.1",
            "--webhook-server-listen-address", "127.0.0.1", .. flags,
        ]) with
        {
            StatusPace = cluster.StatusPace,
        };
        Running = Task.Run(RunAsync);
    }

    /// <summary>As whom it calls the API server.</summary>
    public string User { get; }

    public OperatorOptions Options { get; }

    public Task Running { get; }

    public RecordingLogger Log { get; } = new();

    public HttpClient Http { get; } = new();

    public IEnumerable<string> Told => Log.Lines.Select(l => l.Text);

    /// <summary>What it complained of.</summary>
    public IEnumerable<string> Warned => Log.Lines.Where(l => l.Level >= LogLevel.Warning).Select(l => l.Text);

    public async Task<HttpStatusCode> ProbeAsync()
    {
        try
        {
            using var response = await Http.GetAsync($"http://127.0.0.1:{Options.HealthPort}/healthz");
            return response.StatusCode;
        }
        catch (HttpRequestException)
        {
            return 0;
        }
    }

    public Task<string> ScrapeAsync() => Http.GetStringAsync($"http://127.0.0.1:{Options.MetricsPort}/");

    /// <summary>Waits until it leads.</summary>
    public Task LeadsAsync() => Eventually.TrueAsync(() => Told.Any(l => l.StartsWith("successfully acquired lease", StringComparison.Ordinal)), "it leads");

    /// <summary>Waits until a metric has a value.</summary>
    public Task MetersAsync(string line)
        => Eventually.TrueAsync(async () => (await ScrapeAsync()).Split('\n').Contains(line), $"the metrics have {line}");

    public Task WaitUntilReadyAsync() => Eventually.TrueAsync(
        async () =>
        {
            if (Running.IsCompleted)
            {
                await Running;
            }

            return await ProbeAsync() == HttpStatusCode.OK;
        },
        "the operator is ready");

    /// <summary>A connection of a sidecar, or of somebody else.</summary>
    public GrpcChannel Connect(string @namespace, string appId, string trustDomain = "public")
        => Connect($"spiffe://{trustDomain}/ns/{@namespace}/{appId}");

    /// <summary>A connection with any URI in the certificate.</summary>
    public GrpcChannel Connect(string uri, TestTrust? trust = null)
    {
        var certificate = (trust ?? cluster.Trust).Issue(uri);
        var channel = GrpcChannel.ForAddress($"https://127.0.0.1:{Options.Port}", new GrpcChannelOptions
        {
            DisposeHttpClient = true,
            MaxReceiveMessageSize = 64 << 20,
            HttpHandler = new SocketsHttpHandler
            {
                EnableMultipleHttp2Connections = true,
                SslOptions = new SslClientAuthenticationOptions
                {
                    ClientCertificateContext = SslStreamCertificateContext.Create(certificate, []),
                    CertificateChainPolicy = cluster.Trust.Anchors.CreatePolicy(new("1.3.6.1.5.5.7.3.1")),
                    RemoteCertificateValidationCallback = (_, shown, _, errors)
                        => (errors & SslPolicyErrors.RemoteCertificateChainErrors) == 0
                        && PeerCertificate.UriOf((System.Security.Cryptography.X509Certificates.X509Certificate2)shown!) == "spiffe://cluster.local/ns/dapr-system/dapr-operator",
                },
            },
        });
        channels.Add(channel);
        return channel;
    }

    /// <summary>A sidecar's view of the API.</summary>
    public Protos.Operator.V1.Operator.OperatorClient As(string @namespace, string appId) => new(Connect(@namespace, appId));

    public async Task StopAsync()
    {
        await stop.CancelAsync();
        await Running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public async ValueTask DisposeAsync()
    {
        channels.ForEach(c => c.Dispose());
        Http.Dispose();
        await StopAsync();
        stop.Dispose();
    }

    private async Task RunAsync()
    {
        using var loggers = LoggerFactory.Create(b => b.SetMinimumLevel(LogLevel.Debug).AddProvider(new Provider(Log)));
        using var client = new KubernetesClient(KubernetesConnection.Find(Options.Kubeconfig, cluster.Time), cluster.Time);
        try
        {
            await new OperatorRun(Options, client, loggers, cluster.Time).RunAsync(stop.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }
    }

    private sealed class Provider(RecordingLogger log) : ILoggerProvider
    {
        public ILogger CreateLogger(string categoryName) => log;

        public void Dispose()
        {
        }
    }
}
