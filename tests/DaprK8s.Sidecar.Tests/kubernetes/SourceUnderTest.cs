using System.Collections.Concurrent;
using DaprK8s.Common.Identity;
using DaprK8s.Sidecar.Kubernetes;
using DaprK8s.Sidecar.Reload;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Tests.AccessControl;
using DaprK8s.TestOperators;
using DaprK8s.TestServers;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Tests.Kubernetes;

/// <summary>The source of a sidecar's resources, against an operator over mTLS.</summary>
internal sealed class SourceUnderTest : IAsyncDisposable
{
    public const string Namespace = "apps";
    public const string AppId = "orders";

    private static readonly SpiffeId OperatorId = SpiffeId.Create("cluster.local", "dapr-system", "dapr-operator");
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(120);

    private readonly TestAuthority authority;
    private readonly CancellationTokenSource stop = new();
    private Task watching = Task.CompletedTask;

    private SourceUnderTest(TestAuthority authority, TestOperator @operator, OperatorConnection connection, OperatorResourceSource source, Lines log)
        => (this.authority, Operator, Connection, Source, Log) = (authority, @operator, connection, source, log);

    public TestOperator Operator { get; }

    public OperatorConnection Connection { get; }

    public OperatorResourceSource Source { get; }

    public Lines Log { get; }

    /// <summary>What the source has told since it is followed.</summary>
    public ConcurrentQueue<SourceEvent> Events { get; } = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>An operator, started unless the test wants it otherwise, and a source that has not been asked for anything yet.</summary>
    public static async Task<SourceUnderTest> CreateAsync(
        string? configuration = null, string operatorUri = "spiffe://cluster.local/ns/dapr-system/dapr-operator",
        string callerUri = "spiffe://public/ns/apps/orders", bool isStarted = true, bool hasBuiltIn = false, TimeProvider? time = null,
        TimeSpan? reconcile = null, TestAuthority? operatorAuthority = null)
    {
        var authority = new TestAuthority();
        var own = (operatorAuthority ?? authority).Issue(operatorUri);
        var judging = authority.Issue(operatorUri);
        var @operator = new TestOperator(Loopback.FreePort(), () =>
        {
            var (svid, _) = own.GetAsync(CancellationToken.None).AsTask().GetAwaiter().GetResult();
            var (_, anchors) = judging.GetAsync(CancellationToken.None).AsTask().GetAwaiter().GetResult();
            return TlsRoles.Server(svid, anchors, PeerRule.Any, new PeerVerdict());
        });
        if (isStarted)
        {
            await @operator.StartAsync();
        }

        var log = new Lines();
        var clock = time ?? TimeProvider.System;
        var connection = new OperatorConnection(@operator.Address, OperatorId, authority.Issue(callerUri), TimeSpan.FromMinutes(1), clock, log);
        var source = new OperatorResourceSource(
            connection, new SidecarInfo(AppId, Namespace), configuration, hasBuiltIn, reconcile ?? TimeSpan.FromHours(1), log, clock);
        return new SourceUnderTest(authority, @operator, connection, source, log);
    }

    /// <summary>Loads, and from then on collects what changes.</summary>
    public async Task<LoadedResources> FollowAsync()
    {
        var loaded = await Source.LoadAsync(Cancel);
        watching = Task.Run(async () =>
        {
            try
            {
                await foreach (var change in Source.WatchAsync(stop.Token))
                {
                    Events.Enqueue(change);
                }
            }
            catch (OperationCanceledException)
            {
                // The test is over.
            }
        });
        return loaded;
    }

    public Task UntilStreamsAreOpenAsync(int count = 6)
        => UntilAsync(() => ResourceKinds.Listed.Append(ResourceKinds.Configuration).Sum(Operator.OpenStreams) >= count, $"{count} streams are open");

    /// <summary>Waits for an event.</summary>
    public async Task<T> EventAsync<T>(Func<T, bool> condition, string what)
        where T : SourceEvent
    {
        T? found = null;
        await UntilAsync(() => (found = Events.OfType<T>().FirstOrDefault(condition)) is not null, what);
        return found!;
    }

    public async Task UntilAsync(Func<bool> condition, string what)
    {
        var end = DateTime.UtcNow + Deadline;
        while (!condition())
        {
            Assert.True(DateTime.UtcNow < end, $"not within {Deadline.TotalSeconds} s: {what}; log:\n{Log}\nevents:\n{string.Join('\n', Events)}");
            await Task.Delay(5, Cancel);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await watching;
        Source.Dispose();
        Connection.Dispose();
        await Operator.DisposeAsync();
        authority.Dispose();
        stop.Dispose();
    }

    public static string Component(string name, string type = "state.in-memory", string more = "", string @namespace = Namespace) => $$$$"""
        {"apiVersion":"dapr.io/v1alpha1","kind":"Component","metadata":{"name":"{{{{name}}}}","namespace":"{{{{@namespace}}}}","creationTimestamp":null},
         "spec":{"type":"{{{{type}}}}","version":"v1","ignoreErrors":false,"initTimeout":"","metadata":null},"auth":{"secretStore":""}{{{{more}}}}}
        """;

    /// <summary>A logger whose lines a test can read.</summary>
    internal sealed class Lines : ILogger
    {
        private readonly ConcurrentQueue<(LogLevel Level, string Text)> lines = new();

        public IReadOnlyCollection<(LogLevel Level, string Text)> All => lines;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
            => lines.Enqueue((logLevel, formatter(state, exception) + (exception is null ? "" : " " + exception)));

        public bool IsEnabled(LogLevel logLevel) => true;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public override string ToString() => string.Join('\n', lines.Select(l => $"{l.Level}: {l.Text}"));
    }
}
