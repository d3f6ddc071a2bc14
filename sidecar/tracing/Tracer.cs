using System.Diagnostics;
using DaprK8s.Sidecar.Runtime;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Sidecar.Tracing;

/// <summary>What <c>spec.tracing</c> comes down to (contract: messaging 10.1).</summary>
internal enum TracingMode
{
    /// <summary><c>samplingRate: "0"</c>: nothing is added anywhere.</summary>
    Off,

    /// <summary>No rate and no exporter: no spans of its own; an incoming trace is handed on, zero ids where none came in.</summary>
    PassThrough,

    /// <summary>Spans are made.</summary>
    On,
}

/// <summary>
/// Makes spans where a call enters a surface, and the <see cref="TraceContext"/> that travels down the road. With tracing off or
/// passing through, no object is made for a call.
/// </summary>
internal sealed class Tracer(Live<TracingMode> mode, string appId)
{
    /// <summary>The instrumentation scope of every span.</summary>
    public static readonly ActivitySource Source = new("dapr-diagnostics");

    public TracingMode Mode => mode.Value;

    /// <summary>A call that came in over HTTP or gRPC: reads its headers and begins its span.</summary>
    public Span StartServer(HttpContext context, string name, ActivityKind kind)
    {
        var incoming = IncomingTrace.Read(context.Request.Headers);
        return Start(name, kind, incoming);
    }

    /// <summary>A call of another sidecar.</summary>
    public Span StartInternal(HttpContext context, string method)
        => Mode == TracingMode.On
            ? StartServer(context, $"CallLocal/{appId}/{method}", ActivityKind.Server)
            : Start("", ActivityKind.Server, IncomingTrace.Read(context.Request.Headers));

    /// <summary>Work with a known parent, for example the delivery of an event.</summary>
    public Span Start(string name, ActivityKind kind, TraceContext parent)
    {
        switch (Mode)
        {
            case TracingMode.Off:
                return new Span(null, parent.IsValid ? parent : new TraceContext("", null, parent.Baggage));
            case TracingMode.PassThrough:
                return new Span(null, parent.IsValid ? parent : parent with { TraceParent = TraceContext.ZeroParent, TraceState = null });
            default:
                ActivityContext.TryParse(parent.IsValid ? parent.TraceParent : null, parent.TraceState, isRemote: true, out var parentContext);
                var activity = Source.StartActivity(name, kind, parentContext);
                return activity is null
                    ? new Span(null, parent.IsValid ? parent : parent with { TraceParent = TraceContext.ZeroParent })
                    : new Span(activity, new TraceContext(activity.Id ?? TraceContext.ZeroParent, activity.TraceStateString, parent.Baggage));
        }
    }
}

/// <summary>A span in progress, or only its context when none is recorded. Dispose it to end it.</summary>
internal readonly struct Span(Activity? activity, TraceContext context) : IDisposable
{
    /// <summary>What travels on.</summary>
    public TraceContext Context { get; } = context;

    public Activity? Activity { get; } = activity;

    /// <summary>Whether attributes are worth computing.</summary>
    public bool IsRecorded => Activity is { IsAllDataRequested: true };

    public void Set(string name, object? value) => Activity?.SetTag(name, value);

    /// <summary>An HTTP status from 100 up, a gRPC code below.</summary>
    public void SetStatus(int code)
    {
        if (Activity is not { IsAllDataRequested: true } activity)
        {
            return;
        }

        activity.SetTag("dapr.status_code", code.ToString(System.Globalization.CultureInfo.InvariantCulture));
        if (code >= 400)
        {
            activity.SetStatus(ActivityStatusCode.Error, $"Code({code}): {Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(code)}");
        }
        else if (code is > 0 and < 100)
        {
            activity.SetStatus(ActivityStatusCode.Error);
        }
    }

    public void Dispose() => Activity?.Dispose();
}
