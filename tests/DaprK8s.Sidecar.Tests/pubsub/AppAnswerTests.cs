using System.Text;
using CsCheck;
using DaprK8s.Protos.Runtime.V1;
using DaprK8s.Sidecar.App;
using DaprK8s.Sidecar.PubSub.Subscriptions;
using AppStatus = DaprK8s.Protos.Runtime.V1.TopicEventResponse.Types.TopicEventResponseStatus;

namespace DaprK8s.Sidecar.Tests.PubSub;

public sealed class AppAnswerTests
{
    [Theory]
    [InlineData(200, "", DeliveryVerdict.Success)]
    [InlineData(204, "", DeliveryVerdict.Success)]
    [InlineData(299, "OK", DeliveryVerdict.Success)]
    [InlineData(200, "[1]", DeliveryVerdict.Success)]
    [InlineData(200, "{\"status\":", DeliveryVerdict.Success)]
    [InlineData(200, "{\"status\":\"RETRY\"} rest", DeliveryVerdict.Success)]
    [InlineData(200, "{\"status\":5}", DeliveryVerdict.Success)]
    [InlineData(200, "{\"status\":\"\"}", DeliveryVerdict.Success)]
    [InlineData(200, "{\"status\":null}", DeliveryVerdict.Success)]
    [InlineData(200, "{\"other\":\"RETRY\"}", DeliveryVerdict.Success)]
    [InlineData(200, "{\"status\":\"SUCCESS\"}", DeliveryVerdict.Success)]
    [InlineData(200, " {\"x\":{\"status\":\"DROP\"},\"Status\":\"SUCCESS\"}", DeliveryVerdict.Success)]
    [InlineData(200, "{\"status\":\"DROP\"}", DeliveryVerdict.Drop)]
    [InlineData(200, "{\"STATUS\":\"\\u0044ROP\"}", DeliveryVerdict.Drop)]
    [InlineData(404, "{\"status\":\"SUCCESS\"}", DeliveryVerdict.Drop)]
    [InlineData(200, "{\"status\":\"RETRY\"}", null)]
    [InlineData(200, "{\"status\":\"drop\"}", null)]
    [InlineData(200, "{\"status\":\"\\ud800\"}", null)]
    [InlineData(301, "", null)]
    [InlineData(400, "", null)]
    [InlineData(500, "{\"status\":\"SUCCESS\"}", null)]
    public void An_HTTP_answer_means_what_the_table_says(int status, string body, object? verdict)
        => Assert.Equal((DeliveryVerdict?)verdict, HttpEventReceiver.Interpret(new AppAnswer(status, Encoding.UTF8.GetBytes(body), "")));

    [Fact]
    public void A_good_status_with_any_bytes_is_understood()
        => Gen.OneOf(Gen.Byte.Array, Gen.Char["{}[]\"\\:,statusRETYDOP0u "].Array.Select(c => Encoding.UTF8.GetBytes("{" + new string(c)))).Sample(body =>
        {
            _ = HttpEventReceiver.Interpret(new AppAnswer(200, body, ""));
        });

    [Theory]
    [InlineData(AppStatus.Success, DeliveryVerdict.Success)]
    [InlineData(AppStatus.Drop, DeliveryVerdict.Drop)]
    [InlineData(AppStatus.Retry, null)]
    [InlineData((AppStatus)7, null)]
    public void A_gRPC_answer_means_what_the_table_says(AppStatus status, object? verdict)
        => Assert.Equal((DeliveryVerdict?)verdict, GrpcEventReceiver.Interpret(new TopicEventResponse { Status = status }.Status));
}
