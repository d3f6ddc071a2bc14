using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Kinds;
using DaprK8s.KubernetesApi.Storage;

namespace DaprK8s.KubernetesApi.Access;

/// <summary>
/// The bearer tokens that the API server knows: those that clients authenticate with, those of service accounts, bound to a pod as
/// the kubelet has them issued, and those whose review a test has written itself.
/// </summary>
public sealed class Tokens : IDisposable
{
    /// <summary>The audience of the API server itself.</summary>
    public const string ApiAudience = "https://kubernetes.default.svc";

    /// <summary>The user that may do everything, whatever rules there are.</summary>
    public const string Administrator = "kubernetes-admin";

    private readonly ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly ConcurrentDictionary<string, Identity> identities = new();
    private readonly ConcurrentDictionary<string, JsonObject> written = new();
    private readonly ObjectStore store;
    private readonly ResourceTypes types;

    internal Tokens(ObjectStore store, ResourceTypes types)
    {
        this.store = store;
        this.types = types;
        Add(AdministratorToken, Administrator);
    }

    /// <summary>A token of <see cref="Administrator"/>.</summary>
    public string AdministratorToken { get; } = "admin-" + Guid.NewGuid().ToString("N");

    /// <summary>Makes a token known.</summary>
    /// <param name="token">The token.</param>
    /// <param name="username">Whose it is, for example <c>system:serviceaccount:default:default</c>.</param>
    /// <param name="audiences">What it is for; the API server when none is given.</param>
    public void Add(string token, string username, params string[] audiences)
        => identities[token] = new Identity(username, audiences.Length == 0 ? [ApiAudience] : audiences, null, DateTimeOffset.MaxValue);

    /// <summary>Makes a token unknown again.</summary>
    public void Revoke(string token) => identities.TryRemove(token, out _);

    /// <summary>Answers reviews of a token with this <c>status</c>.</summary>
    public void ReviewAs(string token, JsonObject status) => written[token] = status;

    /// <summary>
    /// Issues what a pod finds in its projected volume: a signed token, bound to the pod, no longer good once the pod is gone.
    /// </summary>
    public string IssueForPod(string @namespace, string pod, string serviceAccount, TimeSpan life, params string[] audiences)
        => Issue(@namespace, pod, serviceAccount, life, audiences);

    /// <summary>Issues a token of a service account, bound to nothing.</summary>
    public string IssueForAccount(string @namespace, string serviceAccount, TimeSpan life, params string[] audiences)
        => Issue(@namespace, null, serviceAccount, life, audiences);

    private string Issue(string @namespace, string? pod, string serviceAccount, TimeSpan life, string[] audiences)
    {
        if (audiences.Length == 0)
        {
            audiences = [ApiAudience];
        }

        var uid = pod is null ? "" : store.Find(types.Named("pods"), @namespace, pod)?.Text("metadata", "uid") ?? Guid.NewGuid().ToString();
        var now = DateTimeOffset.UtcNow;
        var header = new JsonObject { ["alg"] = "ES256", ["kid"] = "cluster" };
        var username = $"system:serviceaccount:{@namespace}:{serviceAccount}";
        var claims = new JsonObject
        {
            ["aud"] = new JsonArray([.. audiences.Select(a => JsonValue.Create(a))]),
            ["exp"] = (now + life).ToUnixTimeSeconds(),
            ["iat"] = now.ToUnixTimeSeconds(),
            ["iss"] = ApiAudience,
            ["jti"] = Guid.NewGuid().ToString(),
            ["kubernetes.io"] = new JsonObject
            {
                ["namespace"] = @namespace,
                ["serviceaccount"] = new JsonObject { ["name"] = serviceAccount, ["uid"] = store.Find(types.Named("serviceaccounts"), @namespace, serviceAccount)?.Uid ?? Guid.NewGuid().ToString() },
            },
            ["sub"] = username,
        };
        if (pod is not null)
        {
            claims["kubernetes.io"]!["pod"] = new JsonObject { ["name"] = pod, ["uid"] = uid };
        }

        var signed = $"{Encode(header)}.{Encode(claims)}";
        var token = $"{signed}.{Base64Url.EncodeToString(key.SignData(System.Text.Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256))}";
        identities[token] = new Identity(username, audiences, pod is null ? null : (@namespace, pod, uid), now + life);
        return token;
    }

    /// <inheritdoc/>
    public void Dispose() => key.Dispose();

    internal Caller? CallerOf(string? authorization)
        => authorization?.StartsWith("Bearer ", StringComparison.Ordinal) == true
            && identities.TryGetValue(authorization[7..], out var identity) && Problem(identity, [ApiAudience]) is null
            ? Who(identity)
            : null;

    /// <summary>The <c>status</c> of a token review.</summary>
    internal JsonObject Review(string token, string[] audiences)
    {
        if (written.TryGetValue(token, out var status))
        {
            return status.DeepClone().AsObject();
        }

        if (!identities.TryGetValue(token, out var identity))
        {
            return new JsonObject { ["user"] = new JsonObject(), ["error"] = "invalid bearer token" };
        }

        if (audiences.Length == 0)
        {
            audiences = [ApiAudience];
        }

        return Problem(identity, audiences) is { } problem
            ? new JsonObject { ["user"] = new JsonObject(), ["error"] = $"[invalid bearer token, {problem}]" }
            : new JsonObject
            {
                ["authenticated"] = true,
                ["user"] = Who(identity).ToJson(),
                ["audiences"] = new JsonArray([.. audiences.Intersect(identity.Audiences).Select(a => JsonValue.Create(a))]),
            };
    }

    private string? Problem(Identity identity, string[] audiences)
    {
        if (!audiences.Intersect(identity.Audiences).Any())
        {
            return $"token audiences [{string.Join(' ', identity.Audiences)}] is invalid for the target audiences [{string.Join(' ', audiences)}]";
        }

        if (identity.Expires < DateTimeOffset.UtcNow)
        {
            return "service account token has expired";
        }

        return identity.Pod is { } bound && store.Find(types.Named("pods"), bound.Namespace, bound.Name)?.Text("metadata", "uid") != bound.Uid
            ? "service account token has been invalidated"
            : null;
    }

    private Caller Who(Identity identity)
    {
        var uid = identity.Username.Split(':') is ["system", "serviceaccount", var ns, var name]
            ? store.Find(types.Named("serviceaccounts"), ns, name)?.Uid
            : null;
        return Caller.Of(identity.Username, uid, identity.Pod is { } pod
            ? new Dictionary<string, string> { ["authentication.kubernetes.io/pod-name"] = pod.Name, ["authentication.kubernetes.io/pod-uid"] = pod.Uid }
            : null);
    }

    private static string Encode(JsonObject part) => Base64Url.EncodeToString(System.Text.Encoding.UTF8.GetBytes(part.ToJsonString()));

    private sealed record Identity(string Username, string[] Audiences, (string Namespace, string Name, string Uid)? Pod, DateTimeOffset Expires);
}
