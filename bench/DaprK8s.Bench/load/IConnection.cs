namespace DaprK8s.Bench.Load;

/// <summary>
/// One connection, driven by one thread with blocking calls: no scheduler stands between the clock and the wire, and an
/// exchange allocates nothing.
/// </summary>
internal interface IConnection : IDisposable
{
    /// <summary>Sends the prepared request and reads the whole answer.</summary>
    /// <exception cref="IOException">The answer is not the expected one; the connection must not be used any more.</exception>
    void Exchange();
}
