using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Components.Metadata;

namespace DaprK8s.Components.SecretStores.Kubernetes;

/// <summary>
/// <c>secretstores.kubernetes</c>: the Secrets of a namespace, read with the rights of the pod's own service account (contract: components
/// 6.4, k8s 5.5). Nothing is connected, kept or watched: each call asks the API server.
/// </summary>
internal sealed class KubernetesSecretStore : ISecretStore
{
    private const string NamespaceItem = "namespace";

    private static readonly MetadataField<string> DefaultNamespace = Field.Text(
        "defaultNamespace", "The namespace of Secrets when neither the request nor the sidecar's environment names one.");

    private static readonly MetadataField<string> KubeConfigPath = Field.Text(
        "kubeconfigPath", "The kubeconfig file to use outside of a cluster; the variable KUBECONFIG and ~/.kube/config when it is left out.");

    private KubernetesConnection? connection;
    private Lazy<KubernetesClient>? client;
    private string ownNamespace = "";
    private string defaultNamespace = "";

    // All keys of a Secret are returned; that it is so is not advertised, as apps may have come to rely on (contract: components 6).
    public bool HasMultipleValuesPerSecret => false;

    private KubernetesClient Client => client?.Value ?? throw new InvalidOperationException("the secret store is not initialised");

    public static ProviderDescriptor Describe()
        => new("Reads Kubernetes Secrets.", [DefaultNamespace, KubeConfigPath], static () => new KubernetesSecretStore());

    public Task InitAsync(ComponentContext context, CancellationToken cancellationToken)
    {
        ownNamespace = context.Namespace;
        defaultNamespace = context.Metadata.Get(DefaultNamespace);
        connection = KubernetesConnection.FindForComponent(context.Metadata.Get(KubeConfigPath), context.Time);
        client = new Lazy<KubernetesClient>(() => new KubernetesClient(connection, context.Time));
        return Task.CompletedTask;
    }

    public async ValueTask<IReadOnlyDictionary<string, string>> GetAsync(
        string name, IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
    {
        var ns = NamespaceOf(metadata);
        if (name.Length == 0)
        {
            throw new ArgumentException("the name of a Secret is missing", nameof(name));
        }

        try
        {
            return Decode(await Client.GetAsync(ApiResources.Secrets, ns, name, cancellationToken));
        }
        catch (KubernetesException e) when (e.IsObjectMissing)
        {
            throw new KeyNotFoundException($"secrets \"{name}\" not found in namespace {ns}", e);
        }
        catch (KubernetesException e) when (e.IsForbidden)
        {
            throw Forbidden(e, ns);
        }
    }

    public async ValueTask<IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>>> BulkGetAsync(
        IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
    {
        var ns = NamespaceOf(metadata);
        try
        {
            var all = await Client.ListAsync(ApiResources.Secrets, new InformerScope { Namespace = ns }, cancellationToken);
            var secrets = new Dictionary<string, IReadOnlyDictionary<string, string>>(all.Count, StringComparer.Ordinal);
            foreach (var secret in all)
            {
                if ((string?)secret["metadata"]?["name"] is { Length: > 0 } name)
                {
                    secrets[name] = Decode(secret);
                }
            }

            return secrets;
        }
        catch (KubernetesException e) when (e.IsForbidden)
        {
            throw Forbidden(e, ns);
        }
    }

    public ValueTask DisposeAsync()
    {
        if (client is { IsValueCreated: true })
        {
            client.Value.Dispose();
        }
        else
        {
            connection?.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    private string NamespaceOf(IReadOnlyDictionary<string, string> metadata)
        => metadata.TryGetValue(NamespaceItem, out var requested) && requested.Length > 0 ? requested
            : ownNamespace.Length > 0 ? ownNamespace
            : defaultNamespace.Length > 0 ? defaultNamespace
            : throw new InvalidOperationException("namespace is missing on metadata and NAMESPACE env variable, and no default namespace is set");

    private static UnauthorizedAccessException Forbidden(KubernetesException e, string @namespace)
        => new(
            $"{e.Message}. Allow the verb {e.Verb} on {e.Resource} in namespace {@namespace} to the pod's service account, by a Role and a RoleBinding there",
            e);

    private static Dictionary<string, string> Decode(JsonObject secret)
    {
        var keys = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in secret["data"] as JsonObject ?? [])
        {
            if (value?.GetValueKind() == JsonValueKind.String)
            {
                keys[key] = Encoding.UTF8.GetString(Convert.FromBase64String((string)value!));
            }
        }

        return keys;
    }
}
