using System.Text.Json.Nodes;
using DaprK8s.Common.Identity;
using DaprK8s.Common.Kubernetes;
using DaprK8s.KubernetesApi;
using DaprK8s.Protos.Sentry.V1;
using DaprK8s.Sentry.Kubernetes;
using DaprK8s.Sentry.Validators;
using Google.Protobuf;

namespace DaprK8s.Sentry.Tests.Kubernetes;

/// <summary>A cluster as the chart leaves it, in which sentry may do what its roles allow and nothing else (contract: security 1.19).</summary>
internal sealed class SentryCluster : IAsyncDisposable
{
    public const string Namespace = "dapr-system";
    public const string User = $"system:serviceaccount:{Namespace}:dapr-sentry";
    public const string SentryToken = "token-of-sentry";

    public static readonly SpiffeId Sentry = SpiffeId.Create("cluster.local", Namespace, "dapr-sentry");

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("dapr-sentry-");
    private readonly CancellationTokenSource stop = new();
    private readonly List<Task> running = [];

    private SentryCluster(KubernetesApiServer server)
    {
        Server = server;
        server.Tokens.Add(SentryToken, User);
        KubeConfig = Path.Combine(directory.FullName, "config");
        server.WriteKubeConfig(KubeConfig, SentryToken);
        Client = NewClient();
        server.Access.Restrict(User)
            .Allow("tokenreviews.authentication.k8s.io", "create")
            .Allow("configurations.dapr.io", "list,get,watch")
            .Allow("pods", "list,get,watch")
            .Allow("secrets", "get,update,delete", Namespace, KubernetesCaStore.ObjectName)
            .Allow("configmaps", "get,update,watch,list", Namespace, KubernetesCaStore.ObjectName);
        server.Objects.Put(Bundle("Secret"));
        server.Objects.Put(Bundle("ConfigMap"));
    }

    public KubernetesApiServer Server { get; }

    public string KubeConfig { get; }

    public KubernetesClient Client { get; }

    public ListLogger Log { get; } = new();

    public static async Task<SentryCluster> StartAsync() => new(await KubernetesApiServer.StartAsync());

    public KubernetesClient NewClient() => new(KubernetesConnection.Find(KubeConfig, TimeProvider.System), TimeProvider.System);

    /// <summary>A validator that runs until the end of the test.</summary>
    public KubernetesValidator StartValidator()
    {
        var validator = new KubernetesValidator(Client, Sentry, TimeProvider.System, Log);
        running.Add(validator.RunAsync(stop.Token));
        return validator;
    }

    public KubernetesCaStore NewStore(TimeProvider? time = null, IReadOnlyDictionary<string, string>? files = null)
        => new(Client, Namespace, files ?? new Dictionary<string, string>(), time ?? TimeProvider.System, Log);

    public void PutPod(string @namespace, string name, string serviceAccount = "default", params (string Name, string Value)[] annotations)
        => Server.Objects.Put(new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Pod",
            ["metadata"] = new JsonObject
            {
                ["name"] = name,
                ["namespace"] = @namespace,
                ["annotations"] = new JsonObject(annotations.Select(a => KeyValuePair.Create(a.Name, (JsonNode?)a.Value))),
            },
            ["spec"] = new JsonObject { ["serviceAccountName"] = serviceAccount },
        });

    public void PutConfiguration(string @namespace, string name, JsonObject spec) => Server.Objects.Put(new JsonObject
    {
        ["apiVersion"] = "dapr.io/v1alpha1",
        ["kind"] = "Configuration",
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = @namespace },
        ["spec"] = spec,
    });

    public void PutTrustDomain(string @namespace, string name, string trustDomain)
        => PutConfiguration(@namespace, name, new JsonObject { ["accessControl"] = new JsonObject { ["trustDomain"] = trustDomain } });

    /// <summary>What the kubelet mounts into a pod.</summary>
    public string Token(string @namespace, string pod, string serviceAccount = "default")
        => Server.Tokens.IssueForPod(@namespace, pod, serviceAccount, TimeSpan.FromHours(2), Sentry.ToString());

    public static SignCertificateRequest Request(string id, string @namespace, string token, string trustDomain = "") => new()
    {
        Id = id,
        Namespace = @namespace,
        Token = token,
        TrustDomain = trustDomain,
        CertificateSigningRequest = ByteString.CopyFromUtf8("csr"),
    };

    public static async Task<string> RefusalAsync(KubernetesValidator validator, SignCertificateRequest request)
        => (await Assert.ThrowsAsync<ValidationException>(async () => await validator.ValidateAsync(request, TestContext.Current.CancellationToken))).Message;

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await Task.WhenAll(running);
        Client.Dispose();
        await Server.DisposeAsync();
        stop.Dispose();
        directory.Delete(true);
    }

    private static JsonObject Bundle(string kind) => new()
    {
        ["apiVersion"] = "v1",
        ["kind"] = kind,
        ["metadata"] = new JsonObject
        {
            ["name"] = KubernetesCaStore.ObjectName,
            ["namespace"] = Namespace,
            ["labels"] = new JsonObject { ["app"] = "dapr-sentry" },
        },
    };
}
