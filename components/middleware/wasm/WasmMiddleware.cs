using DaprK8s.Components.Metadata;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Wasmtime;

namespace DaprK8s.Components.Middleware.Wasm;

/// <summary>
/// Lets a WebAssembly guest see and change requests and responses, or answer by itself (contract: security 6; http-wasm handler ABI).
/// A guest that traps, takes too long, wants too much memory or reaches outside of its own fails the request, which goes no further.
/// </summary>
internal sealed class WasmMiddleware : IHttpMiddleware
{
    private ComponentContext? self;
    private WasmSettings? settings;
    private GuestModule? module;

    public static ProviderDescriptor Describe()
        => new("Runs a WebAssembly guest (http-wasm) on requests and responses.", WasmSettings.Fields, static () => new WasmMiddleware());

    public async Task InitAsync(ComponentContext context, CancellationToken cancellationToken)
    {
        self = context;
        settings = WasmSettings.Read(context.Metadata);
        var bytes = await GuestSource.LoadAsync(settings.Url, cancellationToken);
        try
        {
            // Compiling takes a while.
            module = await Task.Run(() => new GuestModule(bytes, settings, context), cancellationToken);
        }
        catch (WasmtimeException e)
        {
            throw new ComponentMetadataException(WasmSettings.UrlField.Name, $"the guest cannot be used: {Reason(e)}");
        }
    }

    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        if (await RentAsync(context) is not { } guest)
        {
            return;
        }

        var healthy = false;
        try
        {
            healthy = await ServeAsync(context, next, guest);
        }
        finally
        {
            guest.Exchange = null;
            if (!healthy)
            {
                guest.Dispose();
            }

            module!.GiveBack(healthy ? guest : null);
        }
    }

    public ValueTask DisposeAsync()
    {
        module?.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task<GuestInstance?> RentAsync(HttpContext context)
    {
        try
        {
            if (await module!.RentAsync(context.RequestAborted) is { } guest)
            {
                return guest;
            }

            self!.Logger.LogWarning("{Component}: all {Instances} instances are in use (maxInstances)", self.LogName, settings!.MaxInstances);
            await PlainAnswer.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, "Service Unavailable");
        }
        catch (WasmtimeException e)
        {
            self!.Logger.LogError("{Component}: no instance of the guest: {Reason}", self.LogName, Reason(e));
            await PlainAnswer.FailedAsync(context);
        }

        return null;
    }

    // Tells whether the guest can serve another request.
    private async Task<bool> ServeAsync(HttpContext context, RequestDelegate next, GuestInstance guest)
    {
        var exchange = new Exchange(context, settings!, guest.Features);
        guest.Exchange = exchange;
        (bool Next, int Context) answer;
        try
        {
            if (module!.ReadsBodies)
            {
                await exchange.ReadAheadAsync();
            }

            answer = guest.HandleRequest();
            module.ReadsBodies |= exchange.ReadsRequestBody;
        }
        catch (WasmtimeException e)
        {
            await FailAsync(context, "a request", e);
            return false;
        }

        if (!answer.Next)
        {
            await exchange.AnswerAsync();
            return true;
        }

        await exchange.BeforeNextAsync();
        try
        {
            await next(context);
        }
        catch (Exception e)
        {
            await exchange.AfterNextAsync(failed: true);
            Tell(guest, answer.Context);
            if (e is not GuestFaultException)
            {
                throw;
            }

            await FailAsync(context, "a response", e);
            return false;
        }

        try
        {
            await exchange.AfterNextAsync(failed: false);
            guest.HandleResponse(answer.Context, failed: false);
        }
        catch (Exception e) when (e is WasmtimeException or GuestFaultException)
        {
            await FailAsync(context, "a response", e);
            return false;
        }

        await exchange.ReleaseAsync();
        return true;
    }

    // The request has failed already; what the guest makes of it is for its own use.
    private void Tell(GuestInstance guest, int context)
    {
        try
        {
            guest.HandleResponse(context, failed: true);
        }
        catch (WasmtimeException e)
        {
            self!.Logger.LogWarning("{Component}: the guest failed on a response that had failed before: {Reason}", self.LogName, Reason(e));
        }
    }

    private async Task FailAsync(HttpContext context, string what, Exception e)
    {
        self!.Logger.LogError("{Component}: the guest failed on {What}: {Reason}", self.LogName, what, Reason(e));
        if (context.Response.HasStarted)
        {
            // It cannot be taken back, but it must not look complete.
            context.Abort();
            return;
        }

        context.Response.Headers.ContentLength = null;
        context.Response.Headers.ContentEncoding = default;
        context.Response.Headers.TransferEncoding = default;
        var fault = e as GuestFaultException ?? e.InnerException as GuestFaultException;
        if (fault is { Status: not StatusCodes.Status500InternalServerError })
        {
            await PlainAnswer.WriteAsync(context, fault.Status, fault.Message);
        }
        else
        {
            await PlainAnswer.FailedAsync(context);
        }
    }

    // On one line and without the engine's stack of functions without names.
    private static string Reason(Exception e)
        => e switch
        {
            GuestFaultException => e.Message,
            { InnerException: { } cause } => cause.Message,
            TrapException { Type: TrapCode.Interrupt } => "it took longer than it may (guestTimeout)",
            TrapException trap => $"trap {trap.Type}",
            _ => e.Message.ReplaceLineEndings(" "),
        };
}
