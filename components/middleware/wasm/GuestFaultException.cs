using Microsoft.AspNetCore.Http;

namespace DaprK8s.Components.Middleware.Wasm;

/// <summary>A guest asked the host for something that it must not have: its call ends here, as by a trap.</summary>
/// <param name="message">What it did, for the log.</param>
/// <param name="status">What the client is told.</param>
internal sealed class GuestFaultException(string message, int status = StatusCodes.Status500InternalServerError) : Exception(message)
{
    public int Status { get; } = status;
}

/// <summary>A guest ended itself (<c>proc_exit</c>).</summary>
internal sealed class GuestExitException(int code) : Exception($"the guest exited with code {code}")
{
    public int Code { get; } = code;
}
