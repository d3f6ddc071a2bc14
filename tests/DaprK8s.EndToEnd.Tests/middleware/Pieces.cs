using System.Text;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.EndToEnd.Tests.Invocation;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.EndToEnd.Tests.Middleware;

/// <summary>A call whose bodies come in two pieces, each waited for before the next is sent.</summary>
internal static class Pieces
{
    /// <summary>The app's side: tells what came first, echoes the rest, and answers in two pieces.</summary>
    public static async Task AnswerAsync(HttpContext context, TaskCompletionSource<string> first, TaskCompletionSource goOn)
    {
        first.SetResult(await ReadSomeAsync(context.Request.Body));
        var rest = await new StreamReader(context.Request.Body).ReadToEndAsync();
        await context.Response.WriteAsync($"rest {rest} ");
        await context.Response.Body.FlushAsync();
        await goOn.Task;
        await context.Response.WriteAsync("end");
    }

    /// <summary>The client's side, for a pipeline that upper-cases both bodies.</summary>
    public static async Task AssertAsync(Daprd daprd, string path, TaskCompletionSource<string> first, TaskCompletionSource goOn)
    {
        var content = new PushContent();
        content.Push("one");
        var sending = daprd.Http.SendAsync(new HttpRequestMessage(HttpMethod.Post, path) { Content = content }, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal("ONE", await Eventually.SoonAsync(first.Task, "the first piece at the app"));
        content.Push("two");
        content.End();

        using var response = await Eventually.SoonAsync(sending, "the head of the answer");
        var body = await response.Content.ReadAsStreamAsync();
        Assert.Equal("REST TWO ", await Eventually.SoonAsync(ReadSomeAsync(body), "the first piece of the answer"));
        goOn.SetResult();
        Assert.Equal("END", await Eventually.SoonAsync(new StreamReader(body).ReadToEndAsync(), "the end of the answer"));
    }

    private static async Task<string> ReadSomeAsync(Stream stream)
    {
        var buffer = new byte[1024];
        return Encoding.UTF8.GetString(buffer, 0, await stream.ReadAsync(buffer));
    }
}
