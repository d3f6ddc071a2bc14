using DaprK8s.Components.Metadata;
using DaprK8s.Components.Rego;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.Middleware.Opa;

/// <summary>
/// Lets requests through as a policy in Rego decides, the language of the Open Policy Agent (contract: security 6). The policy is
/// compiled once; whatever goes wrong with a request's evaluation refuses that request.
/// </summary>
internal sealed class OpaMiddleware : IHttpMiddleware
{
    private const string ErrorHeader = "x-dapr-opa-error";

    private static readonly MetadataField<string> Rego = Field.Text(
        "rego", "The policy: package http, whose rule allow decides.", required: true);

    private static readonly MetadataField<long> DefaultStatus = Field.Number(
        "defaultStatus", "The status of refused requests where the policy names none.", StatusCodes.Status403Forbidden, min: 100, max: 599);

    private static readonly MetadataField<string[]> IncludedHeaders = Field.List(
        "includedHeaders", "The names of the request's headers that the policy sees, separated by commas.");

    private static readonly MetadataField<bool> ReadBody = Field.Bool(
        "readBody", "The policy sees the request's body, which is held in memory for that.");

    private ComponentContext component = null!;
    private RegoProgram program = null!;
    private OpaInput input = null!;
    private Document? allow;
    private int defaultStatus;
    private bool readBody;

    public static ProviderDescriptor Describe()
        => new("Decides on requests by a policy in Rego.", [Rego, DefaultStatus, IncludedHeaders, ReadBody], () => new OpaMiddleware());

    public Task InitAsync(ComponentContext context, CancellationToken cancellationToken)
    {
        component = context;
        defaultStatus = (int)context.Metadata.Get(DefaultStatus);
        readBody = context.Metadata.Get(ReadBody);
        var headers = context.Metadata.Get(IncludedHeaders).Select(h => Canonical(h.Replace(" ", "", StringComparison.Ordinal)));
        input = new OpaInput([.. headers.Where(h => h.Length > 0).Distinct()]);
        try
        {
            program = RegoProgram.Compile(context.Metadata.Get(Rego));
        }
        catch (RegoCompileException e)
        {
            throw new ComponentMetadataException(Rego.Name, e.Message);
        }

        allow = program.Find("http", "allow");
        if (allow is null)
        {
            context.Logger.LogWarning("{Component}: the policy has no rule allow in package http, so every request will be refused", context.LogName);
        }

        return Task.CompletedTask;
    }

    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        var body = ReadOnlyMemory<byte>.Empty;
        if (readBody)
        {
            try
            {
                body = await ReadAsync(context);
            }
            catch (BadHttpRequestException e)
            {
                // Too large, or cut off: the client's fault, and nothing that the policy could decide on.
                await RefuseAsync(context, e.StatusCode);
                return;
            }
        }

        if (Decide(context, body.Span) is not { } decision)
        {
            context.Response.Headers[ErrorHeader] = "true";
            await RefuseAsync(context, defaultStatus);
            return;
        }

        var headers = decision.Allow ? context.Request.Headers : context.Response.Headers;
        foreach (var (name, value) in decision.Headers)
        {
            headers[name] = value;
        }

        await (decision.Allow ? next(context) : RefuseAsync(context, decision.Status));
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>The name as the reference shows it to policies: <c>X-My-Header</c>.</summary>
    private static string Canonical(string header)
    {
        var upper = true;
        return string.Create(header.Length, header, (name, source) =>
        {
            for (var i = 0; i < name.Length; i++)
            {
                name[i] = upper ? char.ToUpperInvariant(source[i]) : char.ToLowerInvariant(source[i]);
                upper = source[i] == '-';
            }
        });
    }

    private static async Task<ReadOnlyMemory<byte>> ReadAsync(HttpContext context)
    {
        const int MaxReserved = 1 << 20;
        var buffer = new MemoryStream((int)Math.Min(context.Request.ContentLength ?? 0, MaxReserved));
        await context.Request.Body.CopyToAsync(buffer, context.RequestAborted);
        buffer.Position = 0;
        context.Request.Body = buffer;
        return buffer.GetBuffer().AsMemory(0, (int)buffer.Length);
    }

    private static Task RefuseAsync(HttpContext context, int status)
    {
        var reason = ReasonPhrases.GetReasonPhrase(status);
        if (reason.Length == 0)
        {
            (status, reason) = (StatusCodes.Status500InternalServerError, "Internal Server Error");
        }

        context.Response.StatusCode = status;
        if (status is < 200 or StatusCodes.Status204NoContent or StatusCodes.Status205ResetContent or StatusCodes.Status304NotModified)
        {
            return Task.CompletedTask;
        }

        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(reason, context.RequestAborted);
    }

    private OpaDecision? Decide(HttpContext context, ReadOnlySpan<byte> body)
    {
        string? problem;
        try
        {
            var value = allow is null
                ? null
                : program.Evaluate(allow, input.Of(context.Request, body), component.Time, cancellationToken: context.RequestAborted);
            problem = OpaDecision.Read(value, defaultStatus, out var decision);
            if (problem is null)
            {
                return decision;
            }
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // The text of an unexpected exception could hold values of the request.
            problem = e is RegoEvaluationException ? e.Message : e.GetType().Name;
        }

        component.Logger.LogWarning("{Component}: error processing rego policy: {Problem}", component.LogName, problem);
        return null;
    }
}
