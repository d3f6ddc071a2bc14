using System.Text;
using System.Text.Json.Nodes;
using DaprK8s.Operator.Validation;

namespace DaprK8s.Operator.Tests.Validation;

public sealed class AdmissionReviewTests
{
    private const string Wrong = """ "spec":{"type":"state.reddis","version":"v1","metadata":[]} """;

    [Fact]
    public async Task A_refusal_is_invalid_with_the_message()
    {
        var answer = await AnswerAsync($$"""
            {"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"abc","operation":"CREATE","namespace":"default",
              "object":{{Judging.Object("Component", Wrong).ToJsonString()}} } }
            """);

        Assert.Equal("admission.k8s.io/v1", answer["apiVersion"]!.GetValue<string>());
        Assert.Equal("AdmissionReview", answer["kind"]!.GetValue<string>());
        var response = answer["response"]!;
        Assert.Equal("abc", response["uid"]!.GetValue<string>());
        Assert.False(response["allowed"]!.GetValue<bool>());
        Assert.Equal(422, response["status"]!["code"]!.GetValue<int>());
        Assert.Contains("did you mean state.redis?", response["status"]!["message"]!.GetValue<string>());
    }

    [Fact]
    public async Task Warnings_are_handed_on_and_cut_to_what_the_API_server_takes()
    {
        var name = new string('n', 400);
        var answer = await AnswerAsync($$"""
            {"request":{"uid":"abc","operation":"UPDATE","namespace":"default",
              "object":{{Judging.Object("Component", $$""" "spec":{"type":"state.in-memory","version":"v1","metadata":[{"name":"{{name}}","value":"v"}]} """).ToJsonString()}} } }
            """);

        Assert.True(answer["response"]!["allowed"]!.GetValue<bool>());
        var warning = Assert.Single(answer["response"]!["warnings"]!.AsArray())!.GetValue<string>();
        Assert.True(warning.Length <= 256 && warning.EndsWith("..."), warning);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"request":{"operation":"CREATE"}}""")]
    [InlineData("""{"request":{"uid":5}}""")]
    public async Task What_is_no_review_has_no_answer(string body)
        => Assert.Null(await AdmissionReview.AnswerAsync(Encoding.UTF8.GetBytes(body), new Judging().Judge, TestContext.Current.CancellationToken));

    [Fact]
    public void Deleting_is_always_allowed()
        => Judging.Accepted(new Judging().Ask(new JsonObject { ["operation"] = "DELETE", ["oldObject"] = Judging.Object("Component", Wrong) }));

    [Fact]
    public void A_status_is_not_judged()
        => Judging.Accepted(new Judging().Ask(new JsonObject
        {
            ["operation"] = "UPDATE", ["subResource"] = "status", ["object"] = Judging.Object("Component", Wrong),
        }));

    [Fact]
    public void A_label_can_be_put_on_a_resource_that_was_wrong_before()
    {
        var labelled = Judging.Object("Component", Wrong);
        labelled["metadata"]!["labels"] = new JsonObject { ["a"] = "b" };
        var changed = Judging.Object("Component", Wrong.Replace("v1", "v2"));

        Judging.Accepted(new Judging().Ask(new JsonObject { ["operation"] = "UPDATE", ["object"] = labelled, ["oldObject"] = Judging.Object("Component", Wrong) }));
        Assert.False(new Judging().Ask(new JsonObject { ["operation"] = "UPDATE", ["object"] = changed, ["oldObject"] = Judging.Object("Component", Wrong) }).Allowed);
    }

    [Theory]
    [InlineData("Component", """ "spec":{"type":5,"version":[],"metadata":{}} """)]
    [InlineData("Component", """ "spec":[] """)]
    [InlineData("Configuration", """ "spec":{"metric":"x"} """)]
    [InlineData("Resiliency", """ "spec":{"policies":{"retries":{"a":{"maxRetries":"many"}}}} """)]
    public void An_object_of_another_shape_is_refused_not_stumbled_over(string kind, string members)
        => Assert.False(new Judging().Apply(kind, members).Allowed);

    [Theory]
    [InlineData("Resiliency", """ "spec":null """)]
    [InlineData("MCPServer", """ "other":1 """)]
    [InlineData("Secret", """ "data":{} """)]
    [InlineData("WorkflowAccessPolicy", """ "spec":{"rules":null} """)]
    public void An_object_without_content_does_no_harm(string kind, string members)
        => Assert.NotNull(new Judging().Apply(kind, members));

    private static async Task<JsonObject> AnswerAsync(string review)
    {
        var answer = await AdmissionReview.AnswerAsync(Encoding.UTF8.GetBytes(review), new Judging().Judge, TestContext.Current.CancellationToken);
        return JsonNode.Parse(answer!)!.AsObject();
    }
}
