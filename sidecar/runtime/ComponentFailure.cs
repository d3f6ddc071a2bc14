using DaprK8s.Components;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Runtime;

/// <summary>The words about a component that did not come up (contract: operations 3.3).</summary>
internal sealed class ComponentFailure(ComponentHandle component, Exception error)
{
    /// <summary>The cause alone.</summary>
    public string Cause { get; } = component.Kind == ComponentKind.Middleware
        ? $"error creating HTTP middleware {component.Type}/{ProviderCatalog.NormaliseVersion(component.Resource.Spec.Version)}: {error.Message}"
        : error.Message;

    public string Text => component.Kind == ComponentHandle.UnknownKind
        ? Cause
        : $"[INIT_COMPONENT_FAILURE]: initialization error occurred for {component.Resource.LogName}: {Cause}";

    /// <summary>The file, if it came from one.</summary>
    public string Where => component.Resource.Source.Length > 0 ? $" ({component.Resource.Source})" : "";

    /// <summary>What the process ends with.</summary>
    public string FatalText => $"process component {component.Name} error: {Text}{Where}";

    /// <summary>Logs it: loudly the first time, briefly again.</summary>
    public void Log(ILogger logger, bool first, bool isIgnored, bool staysUp)
    {
        if (!first)
        {
            logger.LogWarning("component {Component} is still not ready: {Error}", component.Resource.LogName, Cause);
            return;
        }

        logger.LogError("Failed to init component {Component}: {Error}{Where}", component.Resource.LogName, Text, Where);
        if (isIgnored)
        {
            logger.LogError("Ignoring error processing component: process component {Name} error: {Error}{Where}", component.Name, Text, Where);
        }
        else if (staysUp)
        {
            logger.LogError(
                "Error processing component, daprd is not ready until it is resolved: process component {Name} error: {Error}{Where}", component.Name, Text, Where);
        }
        else
        {
            logger.LogError(
                "Error processing component, daprd will exit gracefully: process component {Name} error: {Error}{Where}", component.Name, Text, Where);
        }
    }
}
