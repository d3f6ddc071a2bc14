using DaprK8s.Components.Middleware.OAuth2;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Components.Tests.Middleware.OAuth2;

public sealed class BoundedSessionsTests
{
    private readonly FakeTimeProvider time = new();

    [Fact]
    public void The_oldest_session_makes_room_for_a_new_one()
    {
        var sessions = new BoundedSessions<string>(3, time);
        var ids = Enumerable.Range(0, 5).Select(i => sessions.Add($"s{i}", TimeSpan.FromHours(1))).ToArray();

        Assert.Equal(3, sessions.Count);
        Assert.Equal([null, null, "s2", "s3", "s4"], ids.Select(sessions.Find));
    }

    [Fact]
    public void Sessions_that_have_ended_are_dropped()
    {
        var sessions = new BoundedSessions<string>(100, time);
        var old = sessions.Add("old", TimeSpan.FromMinutes(1));
        sessions.Add("older", TimeSpan.FromMinutes(1));
        time.Advance(TimeSpan.FromMinutes(1));

        Assert.Null(sessions.Find(old));
        sessions.Add("new", TimeSpan.FromMinutes(1));
        Assert.Equal(1, sessions.Count);
    }

    [Fact]
    public void A_browser_keeps_its_last_eight_logins()
    {
        var logins = new PendingLogins();
        for (var i = 0; i < 9; i++)
        {
            logins.Add($"state{i}", $"/{i}");
        }

        Assert.False(logins.Knows("state0"));
        Assert.Equal("/1", logins.Take("state1"));
        Assert.Null(logins.Take("state1"));
    }
}
