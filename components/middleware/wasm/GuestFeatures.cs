namespace DaprK8s.Components.Middleware.Wasm;

/// <summary>What a guest can ask for beyond the simple case; the bits of the http-wasm ABI.</summary>
[Flags]
internal enum GuestFeatures
{
    None = 0,

    /// <summary>The request's body can be read and is still there for what comes next.</summary>
    BufferRequest = 1,

    /// <summary>The response is held back, so that the guest can read and change it.</summary>
    BufferResponse = 2,

    /// <summary>What this host can do: all but trailers.</summary>
    Supported = BufferRequest | BufferResponse,
}
