using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using DaprK8s.Protos.Sentry.V1;
using DaprK8s.Sentry.Server;
using DaprK8s.TestServers;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sentry.Tests;

/// <summary>A whole sentry on free ports with files of its own, and a client of it.</summary>
internal sealed class RunningSentry : IAsyncDisposable
{
    private readonly CancellationTokenSource stop = new();
    private readonly Lock gate = new();
    private Task running = Task.CompletedTask;
    private GrpcChannel? channel;

    private RunningSentry(SentryOptions options) => Options = options;

    public SentryOptions Options { get; }

    public ListLogger Log { get; } = new();

    public CA.CAClient Client
    {
        get
        {
            lock (gate)
            {
                channel ??= Connect(out _);
                return new CA.CAClient(channel);
            }
        }
    }

    public HttpClient Http { get; } = new();

    public string Anchors => File.ReadAllText(Path.Combine(Options.Credentials, "ca.crt"));

    /// <summary>Starts one and waits until it is healthy.</summary>
    public static async Task<RunningSentry> StartAsync(TemporaryDirectory directory, params string[] flags)
    {
        var sentry = Create(directory, flags);
        sentry.Start();
        await Eventually.TrueAsync(
            async () =>
            {
                if (sentry.running.IsCompleted)
                {
                    await sentry.running;
                }

                try
                {
                    return (await sentry.Http.GetAsync(sentry.Health)).IsSuccessStatusCode;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            },
            "sentry is healthy");
        return sentry;
    }

    /// <summary>One that is not started.</summary>
    public static RunningSentry Create(TemporaryDirectory directory, params string[] flags)
        => new(new SentryFlags(name => name == "NAMESPACE" ? "dapr-system" : null).Parse(
        [
            "--issuer-credentials", directory["credentials"], "--trust-domain", "cluster.local", "--listen-address", "127.0.0.1",
            "--healthz-listen-address", "127.0.0.1", "--metrics-listen-address", "127.0.0.1",
            "--port", $"{Loopback.FreePort()}", "--healthz-port", $"{Loopback.FreePort()}", "--metrics-port", $"{Loopback.FreePort()}", .. flags,
        ]));

    public string Health => $"http://127.0.0.1:{Options.HealthPort}/healthz";

    /// <summary>Runs it to its end.</summary>
    public Task RunAsync()
    {
        Start();
        return running;
    }

    public Task<string> ScrapeAsync() => Http.GetStringAsync($"http://127.0.0.1:{Options.MetricsPort}/metrics");

    /// <summary>Opens a connection of its own, judging sentry by the anchors in its files, and showing the certificate that it presents.</summary>
    public GrpcChannel Connect(out Func<X509Certificate2?> presented)
    {
        X509Certificate2? seen = null;
        presented = () => seen;
        var anchors = new X509Certificate2Collection();
        anchors.ImportFromPem(Anchors);
        return GrpcChannel.ForAddress($"https://localhost:{Options.Port}", new GrpcChannelOptions
        {
            DisposeHttpClient = true,
            HttpHandler = new SocketsHttpHandler
            {
                ConnectCallback = async (_, ct) =>
                {
                    var socket = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp) { NoDelay = true };
                    await socket.ConnectAsync("127.0.0.1", Options.Port, ct);
                    return new System.Net.Sockets.NetworkStream(socket, ownsSocket: true);
                },
                SslOptions = new SslClientAuthenticationOptions
                {
                    RemoteCertificateValidationCallback = (_, certificate, chain, _) =>
                    {
                        seen = X509CertificateLoader.LoadCertificate(((X509Certificate2)certificate!).RawDataMemory.Span);
                        using var judge = new X509Chain();
                        judge.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
                        judge.ChainPolicy.CustomTrustStore.AddRange(anchors);
                        judge.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
                        judge.ChainPolicy.ExtraStore.AddRange(chain!.ChainPolicy.ExtraStore);
                        return judge.Build((X509Certificate2)certificate);
                    },
                },
            },
        });
    }

    public async Task StopAsync()
    {
        await stop.CancelAsync();
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public async ValueTask DisposeAsync()
    {
        channel?.Dispose();
        Http.Dispose();
        await StopAsync();
        stop.Dispose();
    }

    private void Start()
        => running = Task.Run(async () =>
        {
            using var loggers = LoggerFactory.Create(b => b.SetMinimumLevel(LogLevel.Debug).AddProvider(new Provider(Log)));
            await using var platform = new SelfHosted(Options, _ => null, TimeProvider.System);
            await new SentryRun(Options, platform, loggers, TimeProvider.System).RunAsync(stop.Token);
        });

    private sealed class Provider(ListLogger log) : ILoggerProvider
    {
        public ILogger CreateLogger(string categoryName) => log;

        public void Dispose()
        {
        }
    }
}
