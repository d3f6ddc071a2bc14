using System.Text;

namespace DaprK8s.Components.Rego;

/// <summary>JSON web tokens.</summary>
internal static class JwtFunctions
{
    private const int MaxNesting = 8;

    private static readonly string[] Algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"];

    /// <summary>Adds them.</summary>
    public static void AddTo(BuiltinTable table)
    {
        table.Add("io.jwt.decode", "string", static (e, a) => Decode(e, a));
        foreach (var algorithm in Algorithms)
        {
            table.Add("io.jwt.verify_" + algorithm.ToLowerInvariant(), "string,string", (e, a, b)
                => Read(e, a) is { } token && JwtKeys.Verify(StringFunctions.Text(b), token, algorithm) is { } valid ? RegoBoolean.Of(valid) : null);
        }

        foreach (var algorithm in (string[])["HS256", "HS384", "HS512"])
        {
            table.Add("io.jwt.verify_" + algorithm.ToLowerInvariant(), "string,string", (e, a, b)
                => Read(e, a) is { } token ? RegoBoolean.Of(JwtKeys.VerifySecret(EncodingFunctions.Bytes(b), token, algorithm)) : null);
        }

        table.Add("io.jwt.decode_verify", "string,object", static (e, a, b) => DecodeVerify(e, a, (RegoObject)b));
    }

    private static Jwt? Read(Evaluation e, RegoValue token)
    {
        // A verification costs as much as some hundred steps.
        e.Spend(200 + (StringFunctions.Text(token).Length / 8));
        return Jwt.TryRead(StringFunctions.Text(token));
    }

    /// <summary>The innermost token: one that holds a token as its payload says nothing itself.</summary>
    private static RegoArray? Decode(Evaluation e, RegoValue text)
    {
        for (var depth = 0; depth < MaxNesting && Read(e, text) is { Payload: { } payload } token; depth++)
        {
            if (payload is RegoObject)
            {
                return new RegoArray([token.Header, payload, new RegoString(Convert.ToHexStringLower(token.Signature))]);
            }

            text = payload;
        }

        return null;
    }

    private static RegoArray? DecodeVerify(Evaluation e, RegoValue text, RegoObject constraints)
    {
        foreach (var key in constraints.Keys)
        {
            if (key is not RegoString { Value: "cert" or "secret" or "alg" or "iss" or "aud" or "time" })
            {
                return null;
            }
        }

        var keys = (constraints.Get("cert") as RegoString)?.Value;
        var secret = (constraints.Get("secret") as RegoString)?.Value;
        if (keys is null == secret is null)
        {
            return null;
        }

        // Each token around another one must be signed with the same key; the innermost one makes the claims.
        for (var depth = 0; depth < MaxNesting; depth++)
        {
            if (Read(e, text) is not { Payload: { } payload } token)
            {
                return null;
            }

            switch (IsSigned(token, keys, secret, constraints.Get("alg")))
            {
                case null:
                    return null;
                case true when payload is RegoString inner:
                    text = inner;
                    continue;
                case true when Claims(e, (RegoObject)payload, constraints):
                    return new RegoArray([RegoBoolean.True, token.Header, payload]);
                default:
                    return new RegoArray([RegoBoolean.False, RegoObject.Empty, RegoObject.Empty]);
            }
        }

        return null;
    }

    private static bool? IsSigned(Jwt token, string? keys, string? secret, RegoValue? wanted)
    {
        var algorithm = token.Algorithm;
        if (token.Header.Get("crit") is not null || JwtKeys.Digest(algorithm) is null || (wanted is not null && (wanted as RegoString)?.Value != algorithm))
        {
            return false;
        }

        return secret is not null ? JwtKeys.VerifySecret(Encoding.UTF8.GetBytes(secret), token, algorithm) : JwtKeys.Verify(keys!, token, algorithm);
    }

    private static bool Claims(Evaluation e, RegoObject claims, RegoObject constraints)
    {
        if (constraints.Get("iss") is { } issuer && (claims.Get("iss") is not { } by || !RegoValue.Same(issuer, by)))
        {
            return false;
        }

        var audience = constraints.Get("aud");
        var aimed = claims.Get("aud");
        var isAimed = audience is null ? aimed is null
            : aimed is RegoArray all ? Array.Exists(all.Items, a => RegoValue.Same(a, audience)) : aimed is not null && RegoValue.Same(aimed, audience);
        if (!isAimed)
        {
            return false;
        }

        var now = constraints.Get("time") ?? TimeFunctions.Nanoseconds(e.Now);
        return now is RegoNumber time
            && Holds(claims.Get("exp"), at => RegoValue.Compare(time, at) < 0)
            && Holds(claims.Get("nbf"), at => RegoValue.Compare(time, at) >= 0);
    }

    /// <summary>Whether a claim of a time in seconds is absent or holds; one that is no number never does.</summary>
    private static bool Holds(RegoValue? claim, Func<RegoNumber, bool> holds)
        => claim is null || (claim is RegoNumber seconds && holds(RegoNumber.Multiply(seconds, RegoNumber.Of(1_000_000_000))));
}
