using System.Net;
using System.Text;
using DaprK8s.EndToEnd.Tests.Fixture;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.EndToEnd.Tests.Invocation;

/// <summary>Many calls at once, some of which end badly: none sees the bytes of another.</summary>
public sealed class CrowdTests(HttpPair pair) : IClassFixture<HttpPair>
{
    public static readonly TheoryData<Leg> Legs = new(HttpPair.BothLegs);

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task Calls_that_break_off_leave_no_trace_in_others(Leg leg)
    {
        pair.App.OnStream("POST /echo", context => context.Request.Body.CopyToAsync(context.Response.Body, context.RequestAborted));
        pair.App.OnStream("POST /early", async context =>
        {
            // Answers without having read, while the body is still on its way.
            context.Response.StatusCode = 202;
            await context.Response.WriteAsync("early");
        });
        pair.App.OnStream("GET /endless", async context =>
        {
            var noise = Encoding.ASCII.GetBytes(new string('!', 40_000));
            while (!context.RequestAborted.IsCancellationRequested)
            {
                await context.Response.Body.WriteAsync(noise, context.RequestAborted);
            }
        });

        await Parallel.ForAsync(0, 240, new ParallelOptions { MaxDegreeOfParallelism = 12 }, async (i, _) =>
        {
            switch (i % 4)
            {
                case 0:
                    using (var client = await RawHttp.ConnectAsync(pair.From(leg).HttpPort))
                    {
                        await client.SendAsync($"GET {pair.Path("endless")} HTTP/1.1\r\nHost: x\r\n\r\n");
                        await client.ReadUntilAsync("!!!");
                        client.Reset();
                    }

                    break;
                case 1:
                    using (var client = await RawHttp.ConnectAsync(pair.From(leg).HttpPort))
                    {
                        await client.SendAsync($"POST {pair.Path("echo")} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5000\r\n{new string('?', 0x5000)}\r\n");
                        client.Reset();
                    }

                    break;
                case 2:
                    using (var response = await pair.SendAsync(leg, "POST", pair.Path("early"), r => r.Content = new StringContent(new string('#', 30_000))))
                    {
                        Assert.Equal("early", await response.Content.ReadAsStringAsync());
                    }

                    break;
                default:
                    var body = string.Concat(Enumerable.Range(0, 9000).Select(n => $"{i}:{n};"));
                    using (var response = await pair.SendAsync(leg, "POST", pair.Path("echo"), r => r.Content = new StringContent(body)))
                    {
                        Assert.Equal(body, await response.Content.ReadAsStringAsync());
                    }

                    break;
            }
        });

        Assert.All([pair.Callee, pair.Caller], d => Assert.DoesNotContain(
            d.Log.All, l => l.Contains("nhandled", StringComparison.Ordinal) || l.Contains("nexpected", StringComparison.Ordinal)));
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task An_answer_that_comes_before_the_body_was_taken_is_the_answer(Leg leg)
    {
        pair.App.OnStream($"POST /too-early/{leg}", async context =>
        {
            context.Response.StatusCode = (int)HttpStatusCode.RequestEntityTooLarge;
            await context.Response.WriteAsync("not that");
        });

        using var response = await pair.SendAsync(leg, "POST", pair.Path($"too-early/{leg}"), r => r.Content = new PatternContent(3 << 20, chunked: true));

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        Assert.Equal("not that", await response.Content.ReadAsStringAsync());
    }
}
