using DaprK8s.Common.Resources.Schema;

namespace DaprK8s.Common.Resources;

/// <summary>A pipeline of middleware.</summary>
public sealed class PipelineSpec
{
    /// <summary>The middleware components, in the order in which a request passes them.</summary>
    [Schema(Required = true)]
    public List<HandlerSpec> Handlers { get; set; } = [];
}

/// <summary>One step of a pipeline.</summary>
public sealed class HandlerSpec
{
    /// <summary>Name of the middleware component.</summary>
    [Schema(Required = true)]
    public string Name { get; set; } = "";

    /// <summary>Type of the middleware component, for example <c>middleware.http.ratelimit</c>. A handler whose component is not there is skipped until it is.</summary>
    [Schema(Required = true)]
    public string Type { get; set; } = "";

    /// <summary>Version of the component; in files only.</summary>
    [Schema(Absent = true)]
    public string? Version { get; set; }

    /// <summary>Accepted, without effect.</summary>
    public SelectorSpec? Selector { get; set; }
}

/// <summary>Fields of a request.</summary>
public sealed class SelectorSpec
{
    /// <summary>The fields.</summary>
    [Schema(Required = true)]
    public List<SelectorField>? Fields { get; set; }
}

/// <summary>A field of a request.</summary>
public sealed class SelectorField
{
    /// <summary>The field's name.</summary>
    [Schema(Required = true)]
    public string? Field { get; set; }

    /// <summary>The field's value.</summary>
    [Schema(Required = true)]
    public string? Value { get; set; }
}
