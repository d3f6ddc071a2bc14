using DaprK8s.Common.Kubernetes;

namespace DaprK8s.Kubernetes.Tests.Client;

/// <summary>Which app ids Kubernetes can have a Service for (contract: k8s 2.10).</summary>
public sealed class KubernetesAppIdTests
{
    private const string LabelRule = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

    [Theory]
    [InlineData("a")]
    [InlineData("order-processor")]
    [InlineData("0-shop--9")]
    public void An_app_id_that_makes_a_label_is_accepted(string appId) => Assert.Null(KubernetesAppId.Refusal(appId));

    [Fact]
    public void The_longest_app_id_has_58_characters()
    {
        Assert.Null(KubernetesAppId.Refusal(new string('a', 58)));
        var tooLong = new string('a', 59);
        Assert.Equal($"invalid app id (input: '{tooLong}', service: '{tooLong}-dapr'): must be no more than 63 characters", KubernetesAppId.Refusal(tooLong));
    }

    [Theory]
    [InlineData("")]
    [InlineData(null)]
    public void A_missing_app_id_is_refused_with_the_annotation_that_would_give_it(string? appId)
        => Assert.Equal("value for the dapr.io/app-id annotation is empty", KubernetesAppId.Refusal(appId));

    [Theory]
    [InlineData("Shop")]
    [InlineData("shop.orders")]
    [InlineData("-shop")]
    [InlineData("shop_1")]
    [InlineData("shöp")]
    public void An_app_id_that_is_no_label_is_refused_with_the_rule(string appId)
        => Assert.Equal($"invalid app id (input: '{appId}', service: '{appId}-dapr'): {LabelRule}", KubernetesAppId.Refusal(appId));

    [Fact]
    public void Both_faults_are_told_a_line_each()
    {
        var appId = new string('A', 60);
        Assert.Equal($"invalid app id (input: '{appId}', service: '{appId}-dapr'): must be no more than 63 characters\n{LabelRule}", KubernetesAppId.Refusal(appId));
    }
}
