using System.Diagnostics.CodeAnalysis;
using DaprK8s.Components.Rego;

namespace DaprK8s.Components.Middleware.Opa;

/// <summary>What a policy decided.</summary>
/// <param name="Allow">Whether the request goes on.</param>
/// <param name="Status">The status of a refusal.</param>
/// <param name="Headers">Headers: of the request when it goes on, of the answer otherwise.</param>
internal readonly record struct OpaDecision(bool Allow, int Status, KeyValuePair<string, string>[] Headers)
{
    /// <summary>Reads the value of <c>data.http.allow</c>: a boolean, or an object of <c>allow</c>, <c>status_code</c>, <c>additional_headers</c>.</summary>
    /// <param name="value">The value; <see langword="null"/> when the policy has none.</param>
    /// <param name="defaultStatus">The status where the policy names none.</param>
    /// <param name="decision">The decision.</param>
    /// <returns>Why the value is no decision, or <see langword="null"/> when it is one.</returns>
    public static string? Read(RegoValue? value, int defaultStatus, out OpaDecision decision)
    {
        decision = new OpaDecision(false, defaultStatus, []);
        switch (value)
        {
            case null:
                return "received no results back from rego policy. Are you setting data.http.allow?";
            case RegoBoolean allow:
                decision = decision with { Allow = allow.Value };
                return null;
            case RegoObject fields:
                return ReadFields(fields, ref decision);
            default:
                return "got an invalid type back from rego policy. Only a boolean or map is valid";
        }
    }

    private static string? ReadFields(RegoObject fields, ref OpaDecision decision)
    {
        switch (fields.Get("allow"))
        {
            case RegoBoolean allow:
                decision = decision with { Allow = allow.Value };
                break;
            case not (null or RegoNull):
                return "allow must be a boolean";
        }

        switch (fields.Get("status_code"))
        {
            case RegoNumber number when number.TryGetInt(out var status) && status is >= 100 and < 600:
                decision = decision with { Status = status };
                break;
            case not (null or RegoNull):
                return "status_code must be a status from 100 to 599";
        }

        switch (fields.Get("additional_headers"))
        {
            case RegoObject headers:
                if (!TryHeaders(headers, out var read))
                {
                    return "additional_headers must be an object of header names and their texts";
                }

                decision = decision with { Headers = read };
                break;
            case not (null or RegoNull):
                return "additional_headers must be an object";
        }

        return null;
    }

    private static bool TryHeaders(RegoObject headers, [NotNullWhen(true)] out KeyValuePair<string, string>[]? read)
    {
        read = new KeyValuePair<string, string>[headers.Count];
        for (var i = 0; i < read.Length; i++)
        {
            if (headers.Keys[i] is not RegoString name || headers.Values[i] is not RegoString text || !IsName(name.Value) || !IsText(text.Value))
            {
                read = null;
                return false;
            }

            read[i] = new(name.Value, text.Value);
        }

        return true;
    }

    /// <summary>A token of HTTP, other than the names that tell where a message ends.</summary>
    private static bool IsName(string name)
        => name.Length > 0 && name.ToLowerInvariant() is not ("content-length" or "transfer-encoding")
            && name.All(c => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c, StringComparison.Ordinal));

    /// <summary>A policy may build a header of what a client sent: nothing in it can begin another header.</summary>
    private static bool IsText(string text) => text.All(c => c is '\t' or (>= ' ' and < '\x7f'));
}
