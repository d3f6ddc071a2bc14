using System.Diagnostics;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DaprK8s.Bench.Processes;
using DaprK8s.Protos.Sentry.V1;
using Google.Protobuf;
using Grpc.Net.Client;

namespace DaprK8s.Bench.Scenarios;

/// <summary>How many certificates sentry signs, how soon it is ready and what it occupies.</summary>
internal sealed class SentryRate(Settings settings, Servers servers) : Scenario(settings, servers)
{
    private const int Callers = 16;

    public override string Name => "sentry";

    public override async Task<Section> RunAsync()
    {
        await using var sentry = await SentryUnderTest.StartAsync(Settings.Sentry);
        var idle = sentry.Memory.Resident;
        using var channel = GrpcChannel.ForAddress($"https://127.0.0.1:{sentry.Port}", new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler
            {
                SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = (_, _, _, _) => true },
            },
            DisposeHttpClient = true,
        });
        var client = new CA.CAClient(channel);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new SignCertificateRequest
        {
            Id = "bench",
            Namespace = "default",
            CertificateSigningRequest = ByteString.CopyFromUtf8(new CertificateRequest("", key, HashAlgorithmName.SHA256).CreateSigningRequestPem()),
        };
        await SignAsync(client, request, Settings.WarmUp);
        var before = ProcessFigures.CpuTime(sentry.Id);
        var clock = Stopwatch.StartNew();
        var signed = await SignAsync(client, request, Settings.Length);
        var rate = signed / clock.Elapsed.TotalSeconds;
        var cpu = ProcessFigures.CpuTime(sentry.Id) - before;

        var section = new Section($"Sentry: SignCertificate, {Callers} calls at a time", "what", "measured", "aim");
        section.Row("ready, authority generated", Cell.Ms(sentry.ReadyAfter), "");
        section.Row("certificates per second, load generator on the same cores", Cell.Rate(rate), "");
        section.Row("certificates per second of CPU", Cell.Rate(signed / cpu.TotalSeconds), "1,000/s");
        section.Row("resident memory, idle", Cell.Megabytes(idle), "30 MB");
        section.Row("resident memory, after", Cell.Megabytes(sentry.Memory.Resident), "30 MB");
        return section;
    }

    private static async Task<long> SignAsync(CA.CAClient client, SignCertificateRequest request, TimeSpan length)
    {
        var clock = Stopwatch.StartNew();
        long signed = 0;
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(async _ =>
        {
            while (clock.Elapsed < length)
            {
                await client.SignCertificateAsync(request);
                Interlocked.Increment(ref signed);
            }
        }));
        return signed;
    }
}
