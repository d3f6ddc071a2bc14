namespace DaprK8s.Common.Wire;

/// <summary>What may stand in gRPC metadata.</summary>
public static class GrpcMetadataText
{
    /// <summary>Whether a text can be a key: lower-case letters, digits, dash, underscore, dot.</summary>
    public static bool IsName(string name)
    {
        foreach (var c in name)
        {
            if (!(char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '_' or '.'))
            {
                return false;
            }
        }

        return name.Length > 0;
    }

    /// <summary>Whether a text can be a value: printable ASCII.</summary>
    public static bool IsValue(string value) => value.AsSpan().IndexOfAnyExceptInRange(' ', '~') < 0;

    /// <summary>Base64 with or without padding.</summary>
    public static bool TryDecodeBinary(string value, out byte[] bytes)
    {
        var padded = value.PadRight(value.Length + ((4 - (value.Length % 4)) % 4), '=');
        bytes = new byte[padded.Length];
        var ok = Convert.TryFromBase64String(padded, bytes, out var written);
        bytes = bytes[..written];
        return ok;
    }
}
