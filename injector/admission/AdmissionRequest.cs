using System.Text.Json;
using DaprK8s.Injector.Pods;

namespace DaprK8s.Injector.Admission;

/// <summary>A request of the API server, read from an AdmissionReview (contract: k8s 3.2).</summary>
internal sealed class AdmissionRequest
{
    private const string Group = "admission.k8s.io/";
    private const string Review = "AdmissionReview";

    private AdmissionRequest(JsonElement review)
    {
        if (review.ValueKind != JsonValueKind.Object)
        {
            throw new MalformedPodException($"expected an AdmissionReview, found {PodJson.Describe(review)}");
        }

        ApiVersion = PodJson.Text(review, "apiVersion", Review);
        var kind = PodJson.Text(review, "kind", Review);
        if (kind != Review || ApiVersion is not (Group + "v1" or Group + "v1beta1"))
        {
            throw new MalformedPodException($"expected kind AdmissionReview of {Group}v1 or v1beta1, found kind '{kind}' of '{ApiVersion}'");
        }

        var request = PodJson.Object(review, "request", "request");
        if (request.ValueKind != JsonValueKind.Object)
        {
            throw new MalformedPodException("request: it is missing");
        }

        Uid = PodJson.Text(request, "uid", "request");
        Kind = PodJson.Text(PodJson.Object(request, "kind", "request.kind"), "kind", "request.kind");
        Namespace = PodJson.Text(request, "namespace", "request");
        var user = PodJson.Object(request, "userInfo", "request.userInfo");
        User = new Caller(PodJson.Text(user, "username", "request.userInfo"), PodJson.Text(user, "uid", "request.userInfo"), PodJson.Texts(user, "groups", "request.userInfo.groups"));
        Object = request.TryGetProperty("object", out var value) && value.ValueKind != JsonValueKind.Null ? value : default;
    }

    /// <summary>Which version of the review it came in; the answer has the same.</summary>
    public string ApiVersion { get; }

    /// <summary>What the answer must name.</summary>
    public string Uid { get; }

    /// <summary>The kind of the object.</summary>
    public string Kind { get; }

    /// <summary>The namespace that the object is created in.</summary>
    public string Namespace { get; }

    /// <summary>Who creates it.</summary>
    public Caller User { get; }

    /// <summary>The object; undefined when there is none.</summary>
    public JsonElement Object { get; }

    /// <summary>Reads a review.</summary>
    /// <exception cref="MalformedPodException">It is none.</exception>
    public static AdmissionRequest Read(JsonElement review) => new(review);
}
