namespace DaprK8s.Components.Middleware.OAuth2;

/// <summary>
/// The logins that one browser has begun: for each <c>state</c> sent to the OAuth2 server, where to go afterwards. A page with
/// several requests, or a second tab, begins several; only the last few count.
/// </summary>
internal sealed class PendingLogins
{
    private const int Most = 8;

    private readonly Lock gate = new();
    private readonly List<(string State, string Target)> logins = [];

    public void Add(string state, string target)
    {
        lock (gate)
        {
            if (logins.Count == Most)
            {
                logins.RemoveAt(0);
            }

            logins.Add((state, target));
        }
    }

    public bool Knows(string state)
    {
        lock (gate)
        {
            return logins.Exists(l => l.State == state);
        }
    }

    /// <summary>Ends a login: its state counts once.</summary>
    /// <returns>Where to go, or <see langword="null"/> when there is no such login (any more).</returns>
    public string? Take(string state)
    {
        lock (gate)
        {
            var index = logins.FindIndex(l => l.State == state);
            if (index < 0)
            {
                return null;
            }

            var target = logins[index].Target;
            logins.RemoveAt(index);
            return target;
        }
    }
}
