using System.Runtime.InteropServices;
using DaprK8s.Components.Tests.NameResolution;

/// <summary>
/// Makes the test program a sidecar's resolver in a process of its own, for tests across processes: the runtime calls this
/// before the program's entry point when <c>DOTNET_STARTUP_HOOKS</c> names the assembly.
/// </summary>
internal static class StartupHook
{
    public const string PeerVariable = "DAPRK8S_TEST_MDNS_PEER";

    public static void Initialize()
    {
        if (Environment.GetEnvironmentVariable(PeerVariable) is not { Length: > 0 } description)
        {
            return;
        }

        try
        {
            BePeerAsync(SocketGroup.Parse(description, out var member), member).Wait();
            Environment.Exit(0);
        }
        catch (Exception e)
        {
            Console.Error.WriteLine(e);
            Environment.Exit(1);
        }
    }

    private static async Task BePeerAsync(SocketGroup sockets, int member)
    {
        TaskCompletionSource ending = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using var signal = PosixSignalRegistration.Create(PosixSignal.SIGTERM, s =>
        {
            s.Cancel = true;
            ending.TrySetResult();
        });
        await using var resolver = await MulticastTests.StartAsync(sockets, member, "orders", 50001);
        while (!ending.Task.IsCompleted)
        {
            foreach (var address in await resolver.ResolveAsync("shop", "", 0, CancellationToken.None))
            {
                Console.WriteLine($"shop at {address}");
            }

            await Task.WhenAny(ending.Task, Task.Delay(TimeSpan.FromMilliseconds(50)));
        }
    }
}
