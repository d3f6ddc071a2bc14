namespace DaprK8s.Sidecar.Wire;

/// <summary>What may stand in gRPC metadata.</summary>
internal static class GrpcMetadataText
{
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
