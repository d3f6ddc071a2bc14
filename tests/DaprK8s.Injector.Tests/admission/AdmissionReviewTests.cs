using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.Injector.Admission;
using DaprK8s.Injector.Pods;
using DaprK8s.Injector.Tests.Support;

namespace DaprK8s.Injector.Tests.Admission;

/// <summary>What is read from a review, and how it is answered (contract: k8s 3.2).</summary>
public sealed class AdmissionReviewTests
{
    [Theory]
    [InlineData("v1")]
    [InlineData("v1beta1")]
    public async Task The_answer_has_the_version_and_the_uid_of_the_request(string version)
    {
        var request = AdmissionRequest.Read(JsonSerializer.SerializeToElement(Injections.Review(Injections.EnabledPod(), version: version)));
        var answer = Injections.Write(await new Injections().AskAsync(Injections.EnabledPod()), request);
        Assert.Equal("admission.k8s.io/" + version, (string)answer["apiVersion"]!);
        Assert.Equal("AdmissionReview", (string)answer["kind"]!);
        Assert.Equal("705ab4f5-6393-11e8-b7cc-42010a800002", (string)answer["response"]!["uid"]!);
        Assert.True((bool)answer["response"]!["allowed"]!);
        Assert.Equal("JSONPatch", (string)answer["response"]!["patchType"]!);
        Assert.IsType<JsonArray>(JsonNode.Parse(Encoding.UTF8.GetString(Convert.FromBase64String((string)answer["response"]!["patch"]!))));
    }

    [Fact]
    public void Without_a_patch_there_is_no_patch_type()
    {
        var request = AdmissionRequest.Read(JsonSerializer.SerializeToElement(Injections.Review(Injections.Pod())));
        Assert.Equal(
            """{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":"705ab4f5-6393-11e8-b7cc-42010a800002","allowed":true}}""",
            Injections.Write(AdmissionAnswer.Unchanged, request).ToJsonString());
    }

    [Fact]
    public void A_refusal_says_why()
        => Assert.Equal(
            """{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":"","allowed":false,"status":{"message":"no"}}}""",
            Injections.Write(AdmissionAnswer.Refused("no"), null).ToJsonString());

    [Theory]
    [InlineData("[]", "expected an AdmissionReview")]
    [InlineData("{}", "expected kind AdmissionReview")]
    [InlineData("""{"apiVersion":"admission.k8s.io/v2","kind":"AdmissionReview","request":{}}""", "found kind 'AdmissionReview' of 'admission.k8s.io/v2'")]
    [InlineData("""{"apiVersion":"v1","kind":"Pod"}""", "found kind 'Pod' of 'v1'")]
    [InlineData("""{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}""", "request: it is missing")]
    [InlineData("""{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":[]}""", "request: expected an object, found a list")]
    [InlineData("""{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":1}}""", "request.uid: expected a text")]
    [InlineData("""{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"userInfo":{"groups":[1]}}}""", "request.userInfo.groups[]: expected a text")]
    public void What_is_no_review_is_told(string json, string message)
        => Assert.Contains(message, Assert.Throws<MalformedPodException>(() => AdmissionRequest.Read(JsonElement.Parse(json))).Message, StringComparison.Ordinal);
}
