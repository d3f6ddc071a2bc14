using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;

namespace DaprK8s.Components.Tests.Conformance;

/// <summary>
/// The receiving end of a subscription in tests: notes every delivery in the order in which it came, answers as told, and
/// can be waited on.
/// </summary>
public sealed class Inbox
{
    private readonly Func<Delivery, CancellationToken, ValueTask<Settlement>> answer;
    private readonly ConcurrentQueue<Delivery> deliveries = new();
    private readonly ConcurrentDictionary<string, int> attempts = new();

    /// <summary>An inbox that acknowledges everything.</summary>
    public Inbox()
        : this((_, _) => ValueTask.FromResult(Settlement.Ack))
    {
    }

    /// <summary>An inbox with an answer of its own.</summary>
    public Inbox(Func<Delivery, CancellationToken, ValueTask<Settlement>> answer) => this.answer = answer;

    /// <summary>An inbox with an answer of its own that is there at once.</summary>
    public Inbox(Func<Delivery, Settlement> answer)
        : this((delivery, _) => ValueTask.FromResult(answer(delivery)))
    {
    }

    /// <summary>How long <see cref="WaitAsync"/> waits.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>All deliveries so far.</summary>
    public IReadOnlyList<Delivery> Deliveries => [.. deliveries];

    /// <summary>The texts of all deliveries so far, repetitions included.</summary>
    public IReadOnlyList<string> Texts => [.. deliveries.Select(d => d.Text)];

    /// <summary>How many deliveries there were.</summary>
    public int Count => deliveries.Count;

    /// <summary>The handler to subscribe with.</summary>
    public async ValueTask<Settlement> HandleAsync(BrokerMessage message, CancellationToken cancellationToken)
    {
        var text = message.Data.Length <= 200 ? Encoding.UTF8.GetString(message.Data.Span) : $"({message.Data.Length} bytes)";
        var attempt = attempts.AddOrUpdate(text, 1, (_, n) => n + 1);
        var delivery = new Delivery(text, attempt, message, message.Data.ToArray());
        deliveries.Enqueue(delivery);
        return await answer(delivery, cancellationToken);
    }

    /// <summary>Waits until a condition on this inbox holds.</summary>
    /// <exception cref="TimeoutException">It did not within <see cref="Patience"/>; the text lists what there is.</exception>
    public async Task WaitAsync(Func<Inbox, bool> condition, string expectation)
    {
        var clock = Stopwatch.StartNew();
        while (!condition(this))
        {
            if (clock.Elapsed > Patience)
            {
                throw new TimeoutException(
                    $"expected {expectation} within {Patience}, got {Count} deliveries: {string.Join(", ", Texts.Take(60))}");
            }

            await Task.Delay(5, CancellationToken.None);
        }
    }

    /// <summary>Waits until each of the texts was delivered at least once.</summary>
    public Task WaitForAsync(IReadOnlyCollection<string> texts)
        => WaitAsync(
            inbox => inbox.Count >= texts.Count && texts.All(inbox.attempts.ContainsKey),
            $"all of {texts.Count} messages ({string.Join(", ", texts.Take(5))}...)");

    /// <summary>Waits until a text was delivered at least once.</summary>
    public Task WaitForAsync(string text) => WaitForAsync([text]);
}

/// <summary>One delivery.</summary>
/// <param name="Text">The payload as text; its length in brackets when it is long.</param>
/// <param name="Attempt">The how-manyth delivery of this text to this inbox, from 1.</param>
/// <param name="Message">The message as handed out.</param>
/// <param name="Copy">The payload as it was when handed out.</param>
public sealed record Delivery(string Text, int Attempt, BrokerMessage Message, byte[] Copy);
