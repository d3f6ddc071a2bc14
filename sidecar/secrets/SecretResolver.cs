using System.Text;
using DaprK8s.Common.Resources;
using DaprK8s.Components;
using DaprK8s.Sidecar.Runtime;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Secrets;

/// <summary>
/// Fills in the values of a resource that come from the environment and from secret stores, and expands the templates of
/// component metadata (contract: components 2.2, 2.3; security 4.9). It touches nothing but what it is given.
/// </summary>
/// <param name="findStore">The secret store of a name when it is ready, else <see langword="null"/>.</param>
/// <param name="environment">The environment, normally <see cref="Environment.GetEnvironmentVariable(string)"/>.</param>
/// <param name="self">This sidecar.</param>
/// <param name="isKubernetes">
/// Kubernetes mode: the default store is <c>kubernetes</c>, and the operator has put its secrets into the values already.
/// </param>
internal sealed class SecretResolver(
    Func<string, ISecretStore?> findStore, Func<string, string?> environment, SidecarInfo self, bool isKubernetes)
{
    private const string BuiltInStore = "kubernetes";

    private Func<string, ISecretStore?> FindStore { get; } = findStore;

    private Func<string, string?> ReadVariable { get; } = environment;

    private bool IsKubernetes { get; } = isKubernetes;

    /// <summary>Resolves a component's metadata.</summary>
    public async ValueTask<ResolvedItems> ResolveAsync(Component component, CancellationToken cancellationToken)
    {
        if (component.SecretProblem is { } problem)
        {
            return new ResolvedItems { Failure = problem };
        }

        var resolved = await new Run(this, "Component", component, component.Auth).ResolveAsync(component.Spec.Metadata ?? [], cancellationToken);
        var template = new MetadataTemplate(self, ReadVariable("POD_NAME"));
        try
        {
            return resolved with { Raw = resolved.Items, Items = [.. resolved.Items.Select(i => KeyValuePair.Create(i.Key, template.Expand(i.Key, i.Value)))] };
        }
        catch (FormatException e)
        {
            return resolved with { Items = [], Failure = e.Message };
        }
    }

    /// <summary>Resolves an endpoint's headers and TLS material; they may hold no templates.</summary>
    public async ValueTask<ResolvedEndpoint> ResolveAsync(HttpEndpoint endpoint, CancellationToken cancellationToken)
    {
        if (endpoint.SecretProblem is { } problem)
        {
            return new ResolvedEndpoint(new ResolvedItems { Failure = problem }, null, null, null);
        }

        var run = new Run(this, "HTTPEndpoint", endpoint, endpoint.Auth);
        var headers = await run.ResolveAsync(endpoint.Spec.Headers ?? [], cancellationToken);
        if (headers.WaitingFor is not null || endpoint.Spec.ClientTLS is not { } tls)
        {
            return new ResolvedEndpoint(headers, null, null, null);
        }

        List<NameValuePair> pairs = [];
        Add("rootCA", tls.RootCA);
        Add("certificate", tls.Certificate);
        Add("privateKey", tls.PrivateKey);
        var material = await run.ResolveAsync(pairs, cancellationToken);
        return material.WaitingFor is not null
            ? new ResolvedEndpoint(material, null, null, null)
            : new ResolvedEndpoint(
                headers with { Notes = material.Notes }, material.Find("rootCA"), material.Find("certificate"), material.Find("privateKey"));

        void Add(string name, SecretableValue? value)
        {
            if (value is not null)
            {
                pairs.Add(new NameValuePair { Name = name, Value = value.Value, SecretKeyRef = value.SecretKeyRef });
            }
        }
    }

    /// <summary>One resource: each of its secrets is fetched once, each of its faults noted once.</summary>
    private sealed class Run(SecretResolver owner, string kind, Resource resource, ResourceAuth? auth)
    {
        private readonly Dictionary<string, IReadOnlyDictionary<string, string>?> fetched = new(StringComparer.Ordinal);
        private readonly List<ResolutionNote> notes = [];
        private readonly string storeName = auth?.SecretStore is { Length: > 0 } named ? named : owner.IsKubernetes ? BuiltInStore : "";
        private bool isStoreMissing;

        private bool IsFilledByOperator => owner.IsKubernetes && storeName == BuiltInStore;

        public async ValueTask<ResolvedItems> ResolveAsync(List<NameValuePair> pairs, CancellationToken cancellationToken)
        {
            var items = new List<KeyValuePair<string, string>>(pairs.Count);
            foreach (var pair in pairs)
            {
                items.Add(new(pair.Name, await ValueOfAsync(pair, cancellationToken)));
                if (isStoreMissing && storeName.Length > 0)
                {
                    return new ResolvedItems { Notes = [.. notes], WaitingFor = storeName };
                }
            }

            return new ResolvedItems { Items = items, Notes = [.. notes] };
        }

        private async ValueTask<string> ValueOfAsync(NameValuePair pair, CancellationToken cancellationToken)
        {
            var value = pair.Value ?? "";
            if (value.Length == 0 && !string.IsNullOrEmpty(pair.EnvRef))
            {
                return FromEnvironment(pair.EnvRef);
            }

            if (pair.SecretKeyRef is not { Name.Length: > 0 } reference)
            {
                return value;
            }

            if (IsFilledByOperator)
            {
                return Decode(pair.Name, value);
            }

            if (owner.FindStore(storeName) is not { } store)
            {
                NoteMissingStore();
                return value;
            }

            var secret = await FetchAsync(store, reference.Name, cancellationToken);
            var key = string.IsNullOrEmpty(reference.Key) ? reference.Name : reference.Key;
            return secret is not null && secret.TryGetValue(key, out var found) && found.Length > 0 ? found : value;
        }

        private string FromEnvironment(string name)
        {
            if (EnvironmentReference.IsAllowed(name, owner.ReadVariable(EnvironmentReference.AllowListVariable)))
            {
                return owner.ReadVariable(name) ?? "";
            }

            Note(LogLevel.Warning, $"{kind} {resource.Name} references an env variable that isn't allowed: {name}");
            return "";
        }

        private string Decode(string name, string value)
        {
            try
            {
                return Encoding.UTF8.GetString(Convert.FromBase64String(value));
            }
            catch (FormatException)
            {
                // The exception's own text is not shown: it could tell of the value.
                Note(LogLevel.Error, $"Error decoding secret: the value of {name} of {kind} {resource.Name} is not base64");
                return value;
            }
        }

        private void NoteMissingStore()
        {
            if (!isStoreMissing)
            {
                isStoreMissing = true;
                Note(LogLevel.Warning, $"{kind} {resource.Name} references a secret store that isn't loaded: {storeName}");
            }
        }

        private async ValueTask<IReadOnlyDictionary<string, string>?> FetchAsync(ISecretStore store, string name, CancellationToken cancellationToken)
        {
            if (fetched.TryGetValue(name, out var known))
            {
                return known;
            }

            IReadOnlyDictionary<string, string>? secret = null;
            try
            {
                var metadata = new Dictionary<string, string> { ["namespace"] = resource.Metadata.Namespace ?? "" };
                secret = await store.GetAsync(name, metadata, cancellationToken);
            }
            catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
            {
                Note(LogLevel.Error, $"Error getting secret: {e.Message}");
            }

            fetched[name] = secret;
            return secret;
        }

        private void Note(LogLevel level, string text) => notes.Add(new ResolutionNote(level, text));
    }
}
