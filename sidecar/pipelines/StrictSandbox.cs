using DaprK8s.Common.Resources;

namespace DaprK8s.Sidecar.Pipelines;

/// <summary>
/// <c>spec.wasm.strictSandbox</c> of the Configuration: every WebAssembly middleware is strict, whatever its own metadata says
/// (contract: operations 2.10).
/// </summary>
internal static class StrictSandbox
{
    private const string Type = "middleware.http.wasm";
    private const string Field = "strictSandbox";

    /// <summary>Forces the strict sandbox on components; those that are given stay as they are.</summary>
    public static IReadOnlyList<Component> Apply(WasmSpec? spec, IReadOnlyList<Component> components)
        => spec is { StrictSandbox: true } ? [.. components.Select(Force)] : components;

    private static Component Force(Component component)
    {
        if (!component.Spec.Type.Equals(Type, StringComparison.OrdinalIgnoreCase) || component.Spec.Metadata is not { } metadata)
        {
            return component;
        }

        var spec = component.Spec;
        return new Component
        {
            ApiVersion = component.ApiVersion,
            Kind = component.Kind,
            Metadata = component.Metadata,
            Scopes = component.Scopes,
            Auth = component.Auth,
            Source = component.Source,
            Spec = new ComponentSpec
            {
                Type = spec.Type,
                Version = spec.Version,
                IgnoreErrors = spec.IgnoreErrors,
                InitTimeout = spec.InitTimeout,
                Metadata =
                [
                    .. metadata.Where(m => !m.Name.Equals(Field, StringComparison.OrdinalIgnoreCase)), new NameValuePair { Name = Field, Value = "true" },
                ],
            },
        };
    }
}
