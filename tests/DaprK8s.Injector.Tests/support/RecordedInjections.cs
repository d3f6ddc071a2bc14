using DaprK8s.Injector.Admission;

namespace DaprK8s.Injector.Tests.Support;

/// <summary>Remembers what became of requests.</summary>
internal sealed class RecordedInjections : IInjectionEvents
{
    public List<string> Succeeded { get; } = [];

    public List<(string AppId, string Reason)> Failed { get; } = [];

    public void Received()
    {
    }

    void IInjectionEvents.Succeeded(string appId) => Succeeded.Add(appId);

    void IInjectionEvents.Failed(string appId, string reason) => Failed.Add((appId, reason));
}
