using DaprK8s.Cluster.Network;
using DaprK8s.Cluster.Tests.Support;

namespace DaprK8s.Cluster.Tests.StandIns;

/// <summary>A stand-in cluster leaves nothing behind.</summary>
public sealed class LeftoverTests
{
    [Fact]
    public async Task What_a_process_that_is_no_more_has_left_is_removed_at_the_next_start()
    {
        // No process has this id: it is above the kernel's highest.
        const string Mark = "dk8s-4999999-1";
        await Commands.ShellAsync($"ip netns add {Mark}-node; ip netns add {Mark}-p11; mkdir -p /dev/shm/{Mark}/x", TestContext.Current.CancellationToken);
        using var left = System.Diagnostics.Process.Start("ip", ["netns", "exec", $"{Mark}-p11", "sleep", "1000"]);

        await Leftovers.SweepAsync();

        await left.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.False(Directory.Exists($"/dev/shm/{Mark}"));
        Assert.DoesNotContain(Mark, await Commands.ShellAsync("ls /run/netns", TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_clusters_run_side_by_side_and_both_are_gone_afterwards()
    {
        var options = new StandInOptions { Executables = Path.Combine(Repository.Root, "dist") };
        string[] marks;
        await using (var one = await StandInCluster.StartAsync(options))
        await using (var two = await StandInCluster.StartAsync(options))
        {
            marks = [one.Mark, two.Mark];
            var pods = new[] { new Place(one, "default"), new Place(two, "default") };
            foreach (var place in pods)
            {
                place.PutPod("same");
            }

            foreach (var place in pods)
            {
                await place.UntilReadyAsync("same");
            }

            Assert.NotEqual(one.AddressOf("default", "same"), two.AddressOf("default", "same"));
        }

        var left = await Commands.ShellAsync($"ls /run/netns /dev/shm {Path.GetTempPath()}; pgrep -fa dk8s- || true", TestContext.Current.CancellationToken);
        Assert.All(marks, mark => Assert.DoesNotContain(left.Split('\n'), line => line.Contains(mark, StringComparison.Ordinal)));
    }
}
