using Grpc.Core;

namespace DaprK8s.Sidecar.Errors;

/// <summary>
/// The one error of every building block. It says what happened once; <see cref="HttpErrorWriter"/> and
/// <see cref="GrpcErrorWriter"/> give it the shape of either surface (contract: api 1.4, 2.4).
/// </summary>
/// <param name="Code">The HTTP body's <c>errorCode</c>, for example <c>ERR_STATE_GET</c>.</param>
/// <param name="Message">The text of both surfaces.</param>
/// <param name="Http">The HTTP status.</param>
/// <param name="Grpc">The gRPC status code.</param>
internal sealed record DaprError(string Code, string Message, int Http, StatusCode Grpc)
{
    /// <summary>The <see cref="Code"/> of an error that has none of its own.</summary>
    public const string NoCode = "ERROR";

    /// <summary>
    /// The ErrorInfo reason of a standardized error (<c>DAPR_STATE_NOT_FOUND</c>), which shows its details on both surfaces;
    /// <see langword="null"/> for a simple error.
    /// </summary>
    public string? Reason { get; init; }

    /// <summary>Whether <see cref="Code"/> says which error it is, and not only that it is one.</summary>
    public bool HasOwnCode => Code != NoCode;

    /// <summary>A simple error that nevertheless carries ErrorInfo with reason <see cref="Code"/> on gRPC.</summary>
    public bool HasGrpcErrorInfo { get; init; }

    /// <summary>ErrorInfo metadata; <see langword="null"/> shows as JSON <c>null</c>.</summary>
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    /// <summary>ErrorInfo metadata is left empty on gRPC.</summary>
    public bool IsMetadataHttpOnly { get; init; }

    /// <summary>A ResourceInfo detail.</summary>
    public ResourceDetail? Resource { get; init; }

    /// <summary>A BadRequest detail with one violation.</summary>
    public (string Field, string Description)? FieldViolation { get; init; }

    /// <summary>A Help detail with one link.</summary>
    public (string Url, string Description)? HelpLink { get; init; }

    /// <summary>A text that HTTP shows in place of <see cref="Message"/>.</summary>
    public string? HttpMessage { get; init; }

    /// <summary>The category of <c>dapr_error_code_total</c> (contract: operations 6.9).</summary>
    public string Category { get; init; } = "common";

    /// <summary>How the error prints inside another message.</summary>
    public string Inner => $"api error: code = {Grpc} desc = {Message}";

    public DaprException ToException(Exception? cause = null) => new(this, cause);
}

/// <summary>A ResourceInfo detail.</summary>
internal sealed record ResourceDetail(string Type, string Name, string Owner = "", string Description = "");

/// <summary>Carries a <see cref="DaprError"/> to the surface.</summary>
internal sealed class DaprException(DaprError error, Exception? cause = null) : Exception(error.Message, cause)
{
    public DaprError Error { get; } = error;
}
