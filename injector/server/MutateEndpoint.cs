using System.Buffers;
using System.Text.Json;
using DaprK8s.Injector.Admission;
using DaprK8s.Injector.Pods;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Injector.Server;

/// <summary><c>/mutate</c>: an AdmissionReview in, an AdmissionReview out (contract: k8s 3.2).</summary>
internal sealed class MutateEndpoint(InjectionDecision decision, IInjectionEvents events, TimeProvider time, ILogger logger)
{
    // The API server takes no objects of more than 3 MiB; a review may hold one twice.
    private const int MaxBodyBytes = 8 * 1024 * 1024;
    private const string Path = "/mutate";
    private const string Json = "application/json";

    // The longest that an API server waits for a webhook.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Answers a request.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        if (context.Request.Path.Value != Path)
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        events.Received();
        using var limit = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, limit.Token);
        try
        {
            await AnswerAsync(context, either.Token);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            logger.LogWarning("a request to the webhook took more than {Seconds} s and was given up", Patience.TotalSeconds);
            context.Abort();
        }
    }

    private async Task AnswerAsync(HttpContext context, CancellationToken cancellationToken)
    {
        var body = await ReadAsync(context.Request, cancellationToken);
        if (body is null)
        {
            logger.LogError("a request to the webhook is larger than {Limit} bytes", MaxBodyBytes);
            await RefuseAsync(context, StatusCodes.Status413PayloadTooLarge, "body too large", cancellationToken);
        }
        else if (body.WrittenCount == 0)
        {
            logger.LogError("Empty body");
            await RefuseAsync(context, StatusCodes.Status400BadRequest, "empty body", cancellationToken);
        }
        else if (context.Request.ContentType != Json)
        {
            logger.LogError("Content-Type={ContentType}, expect {Expected}", context.Request.ContentType, Json);
            await RefuseAsync(context, StatusCodes.Status415UnsupportedMediaType, $"invalid Content-Type, expected `{Json}`", cancellationToken);
        }
        else
        {
            await DecideAsync(context, body.WrittenMemory, cancellationToken);
        }
    }

    private async Task DecideAsync(HttpContext context, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        // The request's elements live in the document.
        using var document = TryParse(body, out var problem);
        AdmissionRequest? request = null;
        try
        {
            request = document is null ? null : AdmissionRequest.Read(document.RootElement);
        }
        catch (MalformedPodException e)
        {
            problem = e.Message;
        }

        AdmissionAnswer answer;
        if (request is null)
        {
            logger.LogError("Can't decode body: {Error}", problem);
            events.Failed("", "patch");
            answer = AdmissionAnswer.Refused(problem);
        }
        else
        {
            answer = await decision.DecideAsync(request, cancellationToken);
        }

        var output = new ArrayBufferWriter<byte>(answer.Patch.Length * 2 + 512);
        answer.Write(request, output);
        await WriteAsync(context, output.WrittenMemory, cancellationToken);
    }

    private static JsonDocument? TryParse(ReadOnlyMemory<byte> body, out string problem)
    {
        try
        {
            problem = "";
            return JsonDocument.Parse(body);
        }
        catch (JsonException e)
        {
            problem = e.Message;
            return null;
        }
    }

    private async Task WriteAsync(HttpContext context, ReadOnlyMemory<byte> json, CancellationToken cancellationToken)
    {
        context.Response.ContentType = Json;
        context.Response.ContentLength = json.Length;
        try
        {
            await context.Response.Body.WriteAsync(json, cancellationToken);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            logger.LogError("Failed to write response: {Error}", e.Message);
            events.Failed("", "write_response");
        }
    }

    private static async Task RefuseAsync(HttpContext context, int status, string text, CancellationToken cancellationToken)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        await context.Response.WriteAsync(text + "\n", cancellationToken);
    }

    private static async Task<ArrayBufferWriter<byte>?> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (request.ContentLength > MaxBodyBytes)
        {
            return null;
        }

        var body = new ArrayBufferWriter<byte>((int)(request.ContentLength ?? 0) + 1024);
        while (true)
        {
            var read = await request.Body.ReadAsync(body.GetMemory(1024), cancellationToken);
            if (read == 0)
            {
                return body;
            }

            body.Advance(read);
            if (body.WrittenCount > MaxBodyBytes)
            {
                return null;
            }
        }
    }
}
