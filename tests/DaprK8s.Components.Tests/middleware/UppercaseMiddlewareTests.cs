using System.Text;
using DaprK8s.Components.Middleware.Uppercase;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Components.Tests.Middleware;

public sealed class UppercaseMiddlewareTests
{
    private const string Text = "straße äöü ёлка ı 😀 plain";
    private const string Upper = "STRAßE ÄÖÜ ЁЛКА ı 😀 PLAIN";

    [Theory]
    [InlineData(null, Upper, Text)]
    [InlineData("request", Upper, Text)]
    [InlineData("Response", Text, Upper)]
    [InlineData("both", Upper, Upper)]
    public async Task The_chosen_bodies_are_changed(string? direction, string seen, string answer)
    {
        await using var middleware = await Passage.MakeAsync("uppercase", direction is null ? [] : [("direction", direction)]);

        var passage = await Passage.ThroughAsync(middleware, "/", Text, app: context => context.Response.WriteAsync(Text));

        Assert.Equal(seen, passage.Seen);
        Assert.Equal(answer, passage.Answer);
    }

    [Fact]
    public async Task Characters_cut_into_pieces_come_out_whole()
    {
        var bytes = Encoding.UTF8.GetBytes(Text);
        await using var middleware = await Passage.MakeAsync("uppercase", ("direction", "both"));
        var passage = await Passage.ThroughAsync(middleware, "/", app: async context =>
        {
            foreach (var b in bytes)
            {
                await context.Response.Body.WriteAsync(new[] { b });
            }

            await context.Response.Body.WriteAsync(new byte[] { 0xC3 });
        });

        Assert.Equal(Upper + "\uFFFD", passage.Answer);

        using var read = new MemoryStream();
        var reader = new UppercaseReader(new OneByteStream([.. bytes, 0xC3]));
        await reader.CopyToAsync(read, TestContext.Current.CancellationToken);
        Assert.Equal(Upper + "\uFFFD", Encoding.UTF8.GetString(read.ToArray()));
    }

    [Fact]
    public async Task A_long_body_keeps_its_length()
    {
        var text = string.Concat(Enumerable.Repeat(Text, 5000));
        await using var middleware = await Passage.MakeAsync("uppercase");

        var passage = await Passage.ThroughAsync(middleware, "/", text);

        Assert.Equal(string.Concat(Enumerable.Repeat(Upper, 5000)), passage.Seen);
    }

    [Fact]
    public async Task A_request_without_a_body_gets_none()
    {
        await using var middleware = await Passage.MakeAsync("uppercase");

        var passage = await Passage.ThroughAsync(middleware, "/");

        Assert.Same(Stream.Null, passage.Context.Request.Body);
    }

    private sealed class OneByteStream(byte[] bytes) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> destination, CancellationToken cancellationToken = default)
            => base.ReadAsync(destination[..Math.Min(1, destination.Length)], cancellationToken);
    }
}
