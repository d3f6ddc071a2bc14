using StackExchange.Redis;

namespace DaprK8s.Components.Redis;

/// <summary>Remembers why connecting failed last; the client library tells it only here.</summary>
internal sealed class RedisAttempts
{
    private const string SimpleError = "SimpleError: ";
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(200);
    private readonly TaskCompletionSource noted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile string? lastProblem;

    /// <summary>The last problem; <see langword="null"/> when none is known or the last attempt went well.</summary>
    public string? LastProblem => lastProblem;

    /// <summary>Notes the outcome of an attempt.</summary>
    public void Note(object? sender, ConnectionAttemptCompletedEventArgs attempt)
    {
        lastProblem = attempt.IsSuccess ? null : Problem(attempt.Exception) ?? attempt.FailureType.ToString();
        noted.TrySetResult();
    }

    /// <summary>One clause on why the connection could not be made.</summary>
    public async Task<string> ExplainAsync(Exception e)
    {
        // A refused login is in the exception itself; anything else is reported beside it, a moment later.
        if (e.InnerException is RedisServerException refusal)
        {
            return WithoutPrefix(refusal.Message);
        }

        if (e is RedisServerException)
        {
            return e.Message;
        }

        try
        {
            await noted.Task.WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            return FirstSentence(e.Message);
        }

        return lastProblem ?? FirstSentence(e.Message);
    }

    private static string? Problem(Exception? e)
    {
        if (e is null)
        {
            return null;
        }

        while (e.InnerException is not null)
        {
            e = e.InnerException;
        }

        return WithoutPrefix(e.Message);
    }

    private static string WithoutPrefix(string message)
        => message.StartsWith(SimpleError, StringComparison.Ordinal) ? message[SimpleError.Length..] : message;

    private static string FirstSentence(string message)
    {
        var end = message.IndexOf(". ", StringComparison.Ordinal);
        return end < 0 ? message : message[..end];
    }
}
