using System.Collections.Concurrent;
using System.Net;
using DaprK8s.Common.Kubernetes;
using DaprK8s.KubernetesApi.Access;
using DaprK8s.TestServers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Kubernetes.Tests.Client;

/// <summary>Which HTTP is spoken with a server, and over how many connections.</summary>
public sealed class KubernetesProtocolTests
{
    private const int Calls = 12;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Calls_at_the_same_time_share_one_connection_from_the_first_on()
    {
        await using var server = await Server.StartAsync(HttpProtocols.Http1AndHttp2);
        using var client = server.Connect();
        await Task.WhenAll(Enumerable.Range(0, Calls).Select(i => client.GetAsync(ApiResources.ConfigMaps, "default", $"m{i}", Stop)));
        Assert.Equal(["HTTP/2"], server.Protocols);
        Assert.Single(server.Connections);
    }

    [Fact]
    public async Task A_server_that_speaks_only_the_old_protocol_is_served_too()
    {
        await using var server = await Server.StartAsync(HttpProtocols.Http1);
        using var client = server.Connect();
        var found = await Task.WhenAll(Enumerable.Range(0, Calls).Select(i => client.GetAsync(ApiResources.ConfigMaps, "default", $"m{i}", Stop)));
        Assert.All(found, f => Assert.Equal("v1", (string?)f["apiVersion"]));
        Assert.Equal(["HTTP/1.1"], server.Protocols);
    }

    private sealed class Server : IAsyncDisposable
    {
        private readonly TestAuthority authority = new([], [IPAddress.Loopback]);
        private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("protocol-");
        private readonly int port = Loopback.FreePort();
        private readonly ConcurrentDictionary<string, bool> connections = new();
        private readonly ConcurrentDictionary<string, bool> protocols = new();
        private readonly WebApplication app;

        private Server(HttpProtocols spoken)
        {
            var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
            builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(k => k.Listen(IPAddress.Loopback, port, l =>
            {
                l.Protocols = spoken;
                l.Use(next => connection =>
                {
                    connections[connection.ConnectionId] = true;
                    return next(connection);
                });
                l.UseHttps(authority.Server);
            }));
            builder.Logging.ClearProviders();
            app = builder.Build();
            app.Run(context =>
            {
                protocols[context.Request.Protocol] = true;
                context.Response.ContentType = "application/json";
                return context.Response.WriteAsync("""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"}}""");
            });
        }

        public ICollection<string> Connections => connections.Keys;

        public ICollection<string> Protocols => protocols.Keys;

        public static async Task<Server> StartAsync(HttpProtocols spoken)
        {
            var server = new Server(spoken);
            await server.app.StartAsync();
            return server;
        }

        public KubernetesClient Connect()
        {
            var file = Path.Combine(directory.FullName, "config");
            var root = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(authority.RootPem));
            File.WriteAllText(file, $"""
                apiVersion: v1
                kind: Config
                current-context: test
                clusters:
                - name: test
                  cluster:
                    server: https://127.0.0.1:{port}
                    certificate-authority-data: {root}
                users:
                - name: test
                  user:
                    token: t
                contexts:
                - name: test
                  context:
                    cluster: test
                    user: test
                """);
            return new KubernetesClient(KubernetesConnection.Find(file, TimeProvider.System), TimeProvider.System);
        }

        public async ValueTask DisposeAsync()
        {
            await app.DisposeAsync();
            authority.Dispose();
            directory.Delete(true);
        }
    }
}
