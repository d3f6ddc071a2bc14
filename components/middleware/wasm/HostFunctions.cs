using Wasmtime;

namespace DaprK8s.Components.Middleware.Wasm;

/// <summary>A function of the host: gets the guest that calls and its arguments, returns its result if it has one.</summary>
internal delegate long HostFunction(GuestInstance guest, ReadOnlySpan<ValueBox> arguments);

/// <summary>Defines functions of the host in one module of imports.</summary>
/// <param name="linker">Where guests find them.</param>
/// <param name="module">The module's name.</param>
internal sealed class HostFunctions(Linker linker, string module)
{
    /// <summary>A function whose parameters are all <c>i32</c>, as most are.</summary>
    public void Add(string name, int parameters, ValueKind? result, HostFunction function)
        => Add(name, Enumerable.Repeat(ValueKind.Int32, parameters).ToArray(), result, function);

    public void Add(string name, IReadOnlyList<ValueKind> parameters, ValueKind? result, HostFunction function)
    {
        linker.DefineFunction(
            module,
            name,
            (caller, arguments, results) =>
            {
                var guest = (GuestInstance)caller.GetData()!;
                if (!guest.HasMemory)
                {
                    guest.Remember(caller.GetMemory("memory"));
                }

                var value = function(guest, arguments);
                if (result is ValueKind.Int64)
                {
                    results[0] = value;
                }
                else if (result is ValueKind.Int32)
                {
                    results[0] = (int)value;
                }
            },
            parameters,
            result is { } kind ? [kind] : []);
    }
}
