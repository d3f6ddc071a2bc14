using System.Net;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text.Json.Nodes;
using DaprK8s.Components.NameResolution.Local;
using DaprK8s.Components.Tests.Support;
using DaprK8s.TestServers;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Components.Tests.NameResolution;

[UnsupportedOSPlatform("windows")]
public sealed class LocalPeerRegistryTests : IAsyncDisposable
{
    private readonly string runtime = Directory.CreateTempSubdirectory("daprk8s-registry-").FullName;
    private readonly FakeTimeProvider time = new();
    private readonly RecordingLogger logger = new();
    private readonly List<LocalPeerRegistry> registries = [];

    private string OrdersDirectory => Path.Combine(runtime, "dapr-k8s", "peers", "orders");

    public async ValueTask DisposeAsync()
    {
        foreach (var registry in registries)
        {
            await registry.DisposeAsync();
        }

        Directory.Delete(runtime, recursive: true);
    }

    [Fact]
    public void A_sidecar_is_found_until_it_ends()
    {
        var sidecar = Announced("orders", 50001);
        var caller = Opened();
        Assert.Equal(["127.0.0.1:50001"], caller.Resolve("orders"));
        Assert.Equal(["orders"], caller.AppIds);
        End(sidecar);
        NextLook();
        Assert.Empty(caller.Resolve("orders"));
        Assert.Empty(caller.AppIds);
        Assert.False(Directory.Exists(OrdersDirectory));
    }

    [Fact]
    public void All_instances_are_found()
    {
        Announced("orders", 50001);
        Announced("orders", 50002);
        Assert.Equal(["127.0.0.1:50001", "127.0.0.1:50002"], Opened().Resolve("orders").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void An_IPv6_address_is_put_in_brackets()
    {
        var sidecar = Opened();
        sidecar.Announce(new Announcement("orders", "", IPAddress.IPv6Loopback, 50001, 3500, 0));
        Assert.Equal(["[::1]:50001"], Opened().Resolve("orders"));
    }

    [Fact]
    public void A_second_instance_is_found_within_the_next_look()
    {
        Announced("orders", 50001);
        var caller = Opened();
        Assert.Single(caller.Resolve("orders"));
        Announced("orders", 50002);
        NextLook();
        Assert.Equal(2, caller.Resolve("orders").Length);
    }

    [Fact]
    public void An_app_id_that_comes_up_after_it_was_asked_for_is_found()
    {
        var caller = Opened();
        Assert.Empty(caller.Resolve("orders"));
        Announced("orders", 50001);
        NextLook();
        Assert.Single(caller.Resolve("orders"));
    }

    [Fact]
    public void A_change_too_quick_for_the_directory_s_date_is_noticed()
    {
        Announced("orders", 50001);
        var date = Directory.GetLastWriteTimeUtc(OrdersDirectory);
        var caller = Opened();
        Assert.Single(caller.Resolve("orders"));
        Announced("orders", 50002);
        Directory.SetLastWriteTimeUtc(OrdersDirectory, date);
        NextLook();
        Assert.Equal(2, caller.Resolve("orders").Length);
    }

    [Fact]
    public void Looking_up_does_not_touch_the_disk_while_the_last_look_is_fresh()
    {
        Announced("orders", 50001);
        var caller = Opened();
        var first = caller.Resolve("orders");
        Directory.Delete(OrdersDirectory, recursive: true);
        Assert.Same(first, caller.Resolve("orders"));
        NextLook();
        Assert.Empty(caller.Resolve("orders"));
    }

    [Fact]
    public void Looking_up_what_has_not_changed_returns_the_same_list()
    {
        Announced("orders", 50001);
        var caller = Opened();
        var first = caller.Resolve("orders");
        NextLook();
        Assert.Same(first, caller.Resolve("orders"));
    }

    [Fact]
    public void Files_and_directories_are_for_this_user_alone()
    {
        Announced("orders", 50001);
        const UnixFileMode mine = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        Assert.Equal(mine, File.GetUnixFileMode(OwnFile()));
        for (var directory = OrdersDirectory; directory != runtime; directory = Path.GetDirectoryName(directory)!)
        {
            Assert.Equal(mine | UnixFileMode.UserExecute, File.GetUnixFileMode(directory));
        }
    }

    [Fact]
    public void The_file_tells_what_people_want_to_know()
    {
        Announced("orders", 50001);
        var content = JsonNode.Parse(File.ReadAllText(OwnFile()))!;
        Assert.Equal(
            ("orders", "ns", "127.0.0.1", 50001, Environment.ProcessId, time.GetUtcNow()),
            ((string)content["appId"]!, (string)content["namespace"]!, (string)content["address"]!, (int)content["port"]!, (int)content["pid"]!,
                (DateTimeOffset)content["startedAt"]!));
    }

    [Fact]
    public async Task A_sidecar_that_was_killed_is_not_found_and_its_file_is_removed()
    {
        Announced("orders", 50001);
        await using var other = await ChildProcess.StartAsync("sleep", ["600"]);
        var file = WriteCopy(e =>
        {
            e["pid"] = other.Id;
            e["port"] = 50009;
            e["processStart"] = ProcessIdentity.StartOf(other.Id);
        });
        var caller = Opened();
        Assert.Equal(2, caller.Resolve("orders").Length);

        await other.KillAsync();
        NextLook();
        Assert.Equal(["127.0.0.1:50001"], caller.Resolve("orders"));
        Assert.False(File.Exists(file));
    }

    [Fact]
    public void A_sidecar_whose_process_id_another_process_has_now_is_not_found_and_its_file_is_removed()
    {
        Announced("orders", 50001);
        var file = WriteCopy(e =>
        {
            e["port"] = 50009;
            e["processStart"] = (long)e["processStart"]! - 1;
        });
        Assert.Equal(["127.0.0.1:50001"], Opened().Resolve("orders"));
        Assert.False(File.Exists(file));
    }

    [Fact]
    public void A_sidecar_of_another_container_is_not_found_but_its_file_stays()
    {
        Announced("orders", 50001);
        var file = WriteCopy(e =>
        {
            e["port"] = 50009;
            e["pid"] = int.MaxValue;
            e["scope"] = $"{((string)e["scope"]!).Split(' ')[0]} pid:[1] net:[1]";
        });
        Assert.Equal(["127.0.0.1:50001"], Opened().Resolve("orders"));
        Assert.True(File.Exists(file));
    }

    [Fact]
    public void A_sidecar_from_before_the_last_boot_is_not_found_and_its_file_is_removed()
    {
        Announced("orders", 50001);
        var file = WriteCopy(e =>
        {
            e["port"] = 50009;
            e["scope"] = "another-boot pid:[1] net:[1]";
        });
        Assert.Equal(["127.0.0.1:50001"], Opened().Resolve("orders"));
        Assert.False(File.Exists(file));
    }

    [Theory]
    [InlineData("appId", "stock")]
    [InlineData("appId", null)]
    [InlineData("address", "not-an-address")]
    [InlineData("address", null)]
    [InlineData("port", 0)]
    [InlineData("port", "50009")]
    [InlineData("pid", -1)]
    [InlineData("scope", null)]
    public void An_entry_is_passed_over_whose(string field, object? value)
    {
        Announced("orders", 50001);
        WriteCopy(e =>
        {
            e["port"] = 50009;
            e[field] = value switch
            {
                null => null,
                int number => number,
                _ => (string)value,
            };
        });
        Assert.Equal(["127.0.0.1:50001"], Opened().Resolve("orders"));
    }

    [Fact]
    public void Garbage_links_pipes_and_huge_files_do_no_harm()
    {
        Announced("orders", 50001);
        var own = File.ReadAllText(OwnFile());
        string Put(string name) => Path.Combine(OrdersDirectory, name);
        File.WriteAllText(Put("1-1.json"), "");
        File.WriteAllText(Put("1-2.json"), "{ not json");
        File.WriteAllText(Put("1-3.json"), "[1,2,3]");
        File.WriteAllText(Put("1-4.json"), "null");
        File.WriteAllBytes(Put("1-5.json"), [0xff, 0xfe, 0, 1]);
        File.WriteAllText(Put("1-6.json"), new string('[', 4000));
        File.WriteAllText(Put("no-entry.txt"), own);
        File.WriteAllText(Put("50009.json"), own);
        File.WriteAllText(Put("1-7.json"), own + new string(' ', PeerEntry.MaxLength));
        using (var huge = File.Create(Put("1-8.json")))
        {
            huge.SetLength(1L << 40);
        }

        File.CreateSymbolicLink(Put("1-9.json"), "/dev/zero");
        File.CreateSymbolicLink(Put("1-10.json"), OwnFile());
        File.CreateSymbolicLink(Put("1-11.json"), Put("nowhere"));
        Directory.CreateDirectory(Put("1-12.json"));
        Assert.Equal(0, MakePipe(Put("1-13.json"), 0b110_000_000));

        Assert.Equal(["127.0.0.1:50001"], Opened().Resolve("orders"));
    }

    [Fact]
    public void An_entry_that_others_can_write_is_passed_over()
    {
        Announced("orders", 50001);
        var file = WriteCopy(e => e["port"] = 50009);
        File.SetUnixFileMode(file, File.GetUnixFileMode(file) | UnixFileMode.OtherWrite);
        Assert.Equal(["127.0.0.1:50001"], Opened().Resolve("orders"));
    }

    [Fact]
    public void An_app_id_s_directory_that_is_a_link_or_open_to_others_is_passed_over()
    {
        Announced("orders", 50001);
        Directory.CreateSymbolicLink(Path.Combine(runtime, "dapr-k8s", "peers", "stock"), OrdersDirectory);
        var caller = Opened();
        Assert.Empty(caller.Resolve("stock"));
        File.SetUnixFileMode(OrdersDirectory, File.GetUnixFileMode(OrdersDirectory) | UnixFileMode.GroupWrite);
        Assert.Empty(caller.Resolve("orders"));
    }

    [Theory]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("../orders")]
    [InlineData("x/../orders")]
    [InlineData("/etc")]
    [InlineData("a\0b")]
    [InlineData("Größe %2e")]
    [InlineData(".hidden")]
    public void Any_app_id_stays_within_the_registry(string appId)
    {
        Announced("orders", 50001);
        var caller = Opened();
        Assert.Empty(caller.Resolve(appId));
        Announced(appId, 50002);
        NextLook();
        Assert.Equal(["127.0.0.1:50002"], caller.Resolve(appId));
        Assert.Contains(appId, caller.AppIds);
        Assert.Equal(2, Directory.GetFileSystemEntries(Path.Combine(runtime, "dapr-k8s", "peers")).Length);
    }

    [Fact]
    public void An_app_id_too_long_for_a_directory_is_only_not_found_here()
    {
        var appId = new string('a', 300);
        Announced(appId, 50001);
        Assert.Empty(Opened().Resolve(appId));
    }

    [Fact]
    public void A_runtime_directory_that_others_can_write_is_not_used()
    {
        File.SetUnixFileMode(runtime, File.GetUnixFileMode(runtime) | UnixFileMode.OtherWrite);
        Assert.NotEqual(Path.Combine(runtime, "dapr-k8s"), PeerDirectory.TryOpen(runtime, out _)?.Home);
        Assert.Empty(Directory.GetFileSystemEntries(runtime));
    }

    [Fact]
    public void A_runtime_directory_of_another_user_is_not_used()
    {
        // Root can give a directory away; everybody else finds one that is not theirs at the root of the file system.
        var foreign = Environment.IsPrivilegedProcess ? runtime : "/";
        if (Environment.IsPrivilegedProcess)
        {
            Assert.Equal(0, GiveAway(runtime, 12345, 12345));
        }

        Assert.False(PeerDirectory.IsTrusted(foreign, out var refused));
        Assert.Equal($"{foreign} belongs to another user or can be written by others", refused);
        Assert.NotEqual(Path.Combine(foreign, "dapr-k8s"), PeerDirectory.TryOpen(foreign, out _)?.Home);
    }

    [Fact]
    public void A_registry_that_is_not_to_be_trusted_is_not_used_and_the_reason_told()
    {
        Directory.CreateSymbolicLink(Path.Combine(runtime, "dapr-k8s"), Path.GetTempPath());
        var registry = Announced("orders", 50001);
        Assert.Empty(registry.Resolve("orders"));
        Assert.Equal($"no local registry ({runtime}/dapr-k8s is no directory)", registry.SearchedPlaces);
        Assert.Contains(logger.Lines, l => l.Text == $"local registry: not used: {runtime}/dapr-k8s is no directory");
    }

    [Fact]
    public void Without_a_runtime_directory_the_registry_is_in_the_temporary_path()
    {
        var directory = PeerDirectory.TryOpen(Path.Combine(runtime, "is-not-there"), out var refused);
        Assert.True(directory is not null, refused);
        Assert.Equal(Path.Combine(Path.GetTempPath(), $"dapr-k8s-{FileFacts.EffectiveUser()}", "dapr-k8s"), directory.Home);
    }

    [Fact]
    public void A_file_that_was_cleaned_away_comes_back()
    {
        Announced("orders", 50001);
        Directory.Delete(OrdersDirectory, recursive: true);
        time.Advance(TimeSpan.FromMinutes(11));
        Assert.Equal(["127.0.0.1:50001"], Opened().Resolve("orders"));
    }

    [Fact]
    public void What_dead_sidecars_of_other_apps_left_behind_is_removed()
    {
        Announced("orders", 50001);
        var stale = Directory.CreateDirectory(Path.Combine(runtime, "dapr-k8s", "peers", "stock")).FullName;
        var entry = JsonNode.Parse(File.ReadAllText(OwnFile()))!;
        entry["appId"] = "stock";
        entry["processStart"] = 1;
        File.WriteAllText(Path.Combine(stale, Path.GetFileName(OwnFile())), entry.ToJsonString());
        File.WriteAllText(Path.Combine(stale, ".unfinished.tmp"), "");
        File.SetLastWriteTimeUtc(Path.Combine(stale, ".unfinished.tmp"), DateTime.UtcNow.AddHours(-1));
        time.Advance(TimeSpan.FromMinutes(11));
        Assert.False(Directory.Exists(stale));
    }

    [DllImport("libc", EntryPoint = "mkfifo")]
    private static extern int MakePipe([MarshalAs(UnmanagedType.LPUTF8Str)] string path, uint mode);

    [DllImport("libc", EntryPoint = "chown")]
    private static extern int GiveAway([MarshalAs(UnmanagedType.LPUTF8Str)] string path, uint user, uint group);

    private LocalPeerRegistry Opened()
    {
        LocalPeerRegistry registry = new(runtime);
        registries.Add(registry);
        registry.Open(ComponentUnderTest.Context("nameresolution.mdns", time: time, logger: logger));
        return registry;
    }

    private LocalPeerRegistry Announced(string appId, int port)
    {
        var registry = Opened();
        registry.Announce(new Announcement(appId, "ns", IPAddress.Loopback, port, 3500, 0));
        return registry;
    }

    private void End(LocalPeerRegistry registry)
    {
        registries.Remove(registry);
        registry.DisposeAsync().AsTask().Wait();
    }

    private void NextLook() => time.Advance(AppPeers.Freshness);

    private string OwnFile() => Directory.GetFiles(OrdersDirectory, $"{Environment.ProcessId}-50001.json").Single();

    /// <summary>Writes the own entry again with something changed, under the name that goes with it.</summary>
    private string WriteCopy(Action<JsonNode> change)
    {
        var entry = JsonNode.Parse(File.ReadAllText(OwnFile()))!;
        change(entry);
        var file = Path.Combine(OrdersDirectory, $"{entry["pid"]}-{entry["port"]}.json");
        File.WriteAllText(file, entry.ToJsonString());
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return file;
    }
}
