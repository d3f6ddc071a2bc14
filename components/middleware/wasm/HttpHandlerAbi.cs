using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Primitives;
using Wasmtime;

namespace DaprK8s.Components.Middleware.Wasm;

/// <summary>
/// The functions that a guest calls: module <c>http_handler</c> of https://http-wasm.io/http-handler-abi/. Trailers are not supported:
/// there are none to read, and setting one ends the call.
/// </summary>
internal static class HttpHandlerAbi
{
    private const int LongestMessage = 16 * 1024;

    private enum HeaderKind
    {
        Request = 0,
        Response = 1,
        RequestTrailers = 2,
        ResponseTrailers = 3,
    }

    public static void Define(Linker linker, WasmSettings settings, ComponentContext context)
    {
        var functions = new HostFunctions(linker, "http_handler");
        DefineHost(functions, Encoding.UTF8.GetBytes(settings.GuestConfig), context);
        DefineRequest(functions);
        DefineHeaders(functions);
        DefineBodies(functions);
    }

    private static void DefineHost(HostFunctions functions, byte[] config, ComponentContext context)
    {
        functions.Add("enable_features", 1, ValueKind.Int32, static (guest, a) =>
        {
            var wanted = (GuestFeatures)a[0].AsInt32() & GuestFeatures.Supported;
            return guest.Exchange is { } exchange ? (int)(exchange.Features |= wanted) : (int)(guest.Features |= wanted);
        });
        functions.Add("get_config", 2, ValueKind.Int32, (guest, a) => guest.Give(config, a[0].AsInt32(), a[1].AsInt32()));
        functions.Add("log_enabled", 1, ValueKind.Int32, (_, a) => IsLogged(context.Logger, Level(a[0].AsInt32())) ? 1 : 0);
        functions.Add("log", 3, null, (guest, a) =>
        {
            var level = Level(a[0].AsInt32());
            if (IsLogged(context.Logger, level))
            {
                // The end of a long message is left out, but all of it has to be the guest's.
                var message = guest.At(a[1].AsInt32(), a[2].AsInt32());
                context.Logger.Log(
                    level, "{Component}: {Message}", context.LogName, Encoding.UTF8.GetString(message[..Math.Min(message.Length, LongestMessage)]));
            }

            return 0;
        });
    }

    private static void DefineRequest(HostFunctions functions)
    {
        functions.Add("get_method", 2, ValueKind.Int32, static (guest, a) => guest.Give(Request(guest).Method, a[0].AsInt32(), a[1].AsInt32()));
        functions.Add("set_method", 2, null, static (guest, a) =>
        {
            Current(guest).RequireBeforeNext("set the method");
            var method = guest.Text(a[0].AsInt32(), a[1].AsInt32());
            Request(guest).Method = HeaderText.IsToken(method) ? method : throw new GuestFaultException("the guest set a method that is none");
            return 0;
        });
        functions.Add(
            "get_uri", 2, ValueKind.Int32, static (guest, a) => guest.Give(RequestTarget.Read(Request(guest)), a[0].AsInt32(), a[1].AsInt32()));
        functions.Add("set_uri", 2, null, static (guest, a) =>
        {
            Current(guest).RequireBeforeNext("set the URI");
            RequestTarget.Write(Request(guest), guest.Text(a[0].AsInt32(), a[1].AsInt32()));
            return 0;
        });
        functions.Add(
            "get_protocol_version",
            2,
            ValueKind.Int32,
            static (guest, a) => guest.Give(ProtocolVersion(Request(guest).Protocol), a[0].AsInt32(), a[1].AsInt32()));
        functions.Add(
            "get_source_addr", 2, ValueKind.Int32, static (guest, a) => guest.Give(SourceAddress(Current(guest).Context), a[0].AsInt32(), a[1].AsInt32()));
        functions.Add("get_status_code", 0, ValueKind.Int32, static (guest, _) => Current(guest).GetStatus());
        functions.Add("set_status_code", 1, null, static (guest, a) =>
        {
            Current(guest).SetStatus(a[0].AsInt32());
            return 0;
        });
    }

    private static void DefineHeaders(HostFunctions functions)
    {
        functions.Add("get_header_names", 3, ValueKind.Int64, static (guest, a) =>
        {
            var headers = Headers(guest, a[0].AsInt32());
            string[] names = headers is null ? [] : [.. headers.Keys.Where(n => !n.StartsWith(':')).Select(n => n.ToLowerInvariant()).Order(StringComparer.Ordinal)];
            return GiveAll(guest, names, a[1].AsInt32(), a[2].AsInt32());
        });
        functions.Add("get_header_values", 5, ValueKind.Int64, static (guest, a) =>
        {
            var values = Headers(guest, a[0].AsInt32())?[Name(guest, a)] ?? default;
            return GiveAll(guest, values, a[3].AsInt32(), a[4].AsInt32());
        });
        functions.Add("set_header_value", 5, null, static (guest, a) =>
        {
            ChangeableHeaders(guest, a[0].AsInt32())[Name(guest, a)] = Value(guest, a);
            return 0;
        });
        functions.Add("add_header_value", 5, null, static (guest, a) =>
        {
            var headers = ChangeableHeaders(guest, a[0].AsInt32());
            var name = Name(guest, a);
            headers[name] = StringValues.Concat(headers[name], Value(guest, a));
            return 0;
        });
        functions.Add("remove_header", 3, null, static (guest, a) =>
        {
            ChangeableHeaders(guest, a[0].AsInt32()).Remove(Name(guest, a));
            return 0;
        });
    }

    private static void DefineBodies(HostFunctions functions)
    {
        functions.Add("read_body", 3, ValueKind.Int64, static (guest, a) =>
        {
            if (a[2].AsInt32() == 0)
            {
                throw new GuestFaultException("the guest reads a body into nothing");
            }

            var exchange = Current(guest);
            var target = guest.At(a[1].AsInt32(), a[2].AsInt32());
            var (count, end) = a[0].AsInt32() switch
            {
                0 => exchange.ReadRequest(target),
                1 => exchange.ReadResponse(target),
                var kind => throw new GuestFaultException($"the guest reads a body of the unknown kind {kind}"),
            };
            return (end ? 1L << 32 : 0) | (uint)count;
        });
        functions.Add("write_body", 3, null, static (guest, a) =>
        {
            var exchange = Current(guest);
            var bytes = guest.At(a[1].AsInt32(), a[2].AsInt32());
            switch (a[0].AsInt32())
            {
                case 0:
                    exchange.WriteRequest(bytes);
                    break;
                case 1:
                    exchange.WriteResponse(bytes);
                    break;
                case var kind:
                    throw new GuestFaultException($"the guest writes a body of the unknown kind {kind}");
            }

            return 0;
        });
    }

    private static Exchange Current(GuestInstance guest)
        => guest.Exchange ?? throw new GuestFaultException("the guest asks for a request while it initialises itself");

    private static HttpRequest Request(GuestInstance guest) => Current(guest).Context.Request;

    private static string Name(GuestInstance guest, ReadOnlySpan<ValueBox> a)
        => guest.Text(a[1].AsInt32(), a[2].AsInt32()) is var name && HeaderText.IsToken(name)
            ? name
            : throw new GuestFaultException("the guest names a header that is none");

    private static string Value(GuestInstance guest, ReadOnlySpan<ValueBox> a)
        => guest.Text(a[3].AsInt32(), a[4].AsInt32()) is var value && HeaderText.IsValue(value)
            ? value
            : throw new GuestFaultException("the guest sets a header to more than one line");

    private static IHeaderDictionary? Headers(GuestInstance guest, int kind)
        => (HeaderKind)kind switch
        {
            HeaderKind.Request => Request(guest).Headers,
            HeaderKind.Response => Current(guest).Context.Response.Headers,
            HeaderKind.RequestTrailers or HeaderKind.ResponseTrailers => null,
            _ => throw new GuestFaultException($"the guest asks for headers of the unknown kind {kind}"),
        };

    private static IHeaderDictionary ChangeableHeaders(GuestInstance guest, int kind)
    {
        if ((HeaderKind)kind == HeaderKind.Request)
        {
            Current(guest).RequireBeforeNext("change request headers");
        }
        else
        {
            Current(guest).RequireResponseOpen("change response headers");
        }

        return Headers(guest, kind) ?? throw new GuestFaultException("the guest sets a trailer, which is not supported");
    }

    // Count and bytes, and the strings themselves, each ended by a zero, if there is room for all of them.
    private static long GiveAll(GuestInstance guest, IReadOnlyList<string?> texts, int offset, int limit)
    {
        var total = texts.Sum(t => Encoding.UTF8.GetByteCount(t ?? "") + 1);
        if (total > 0 && (uint)total <= (uint)limit)
        {
            var target = guest.At(offset, total);
            foreach (var text in texts)
            {
                var length = Encoding.UTF8.GetBytes(text ?? "", target);
                target[length] = 0;
                target = target[(length + 1)..];
            }
        }

        return ((long)texts.Count << 32) | (uint)total;
    }

    private static string ProtocolVersion(string protocol)
        => protocol switch
        {
            "HTTP/2" => "HTTP/2.0",
            "HTTP/3" => "HTTP/3.0",
            "" => "HTTP/1.1",
            _ => protocol,
        };

    private static string SourceAddress(HttpContext context)
        => context.Connection.RemoteIpAddress is { } address
            ? new System.Net.IPEndPoint(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, context.Connection.RemotePort).ToString()
            : "";

    private static bool IsLogged(ILogger logger, LogLevel level) => level != LogLevel.None && logger.IsEnabled(level);

    private static LogLevel Level(int level)
        => level switch
        {
            -1 => LogLevel.Debug,
            0 => LogLevel.Information,
            1 => LogLevel.Warning,
            2 => LogLevel.Error,
            _ => LogLevel.None,
        };
}
