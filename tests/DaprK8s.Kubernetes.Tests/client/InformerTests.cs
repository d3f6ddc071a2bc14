using System.Collections.Concurrent;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Resources;
using DaprK8s.Kubernetes.Tests.Support;

namespace DaprK8s.Kubernetes.Tests.Client;

public sealed class InformerTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Shows_what_is_there_and_follows_every_change()
    {
        await using var cluster = await Cluster.StartAsync();
        cluster.PutConfiguration("early", "one");
        var changes = new ConcurrentQueue<string>();
        var informer = cluster.Follow(
            DaprResources.Configurations, changed: c => changes.Enqueue($"{c.Before?.Spec.AccessControl!.TrustDomain} > {c.After?.Spec.AccessControl!.TrustDomain}"));

        await SyncAsync(informer);
        Assert.Equal("one", informer.Find("default", "early")?.Spec.AccessControl?.TrustDomain);
        Assert.Null(informer.Find("other", "early"));

        cluster.PutConfiguration("early", "two");
        cluster.Server.Objects.Delete("configurations.dapr.io", "default", "early");
        await Eventually.TrueAsync(() => informer.Objects.Count == 0, "the deletion is seen");
        Assert.Equal([" > one", "one > two", "two > "], changes);
    }

    [Fact]
    public async Task Reads_a_long_list_in_pages()
    {
        await using var cluster = await Cluster.StartAsync();
        for (var i = 0; i < 1203; i++)
        {
            cluster.PutConfigMap($"map-{i}", "v");
        }

        var informer = cluster.Follow(ApiResources.MetadataOf("configmaps"));
        await SyncAsync(informer);

        Assert.Equal(1203, informer.Objects.Count);
        Assert.Equal(3, cluster.Server.Faults.Count("list", "configmaps"));
    }

    [Fact]
    public async Task Lists_all_at_once_when_the_pages_expire_between_two_calls()
    {
        await using var cluster = await Cluster.StartAsync();
        for (var i = 0; i < 501; i++)
        {
            cluster.PutConfigMap($"map-{i}", "v");
        }

        var gate = cluster.Server.Faults.Hold("list", "configmaps");
        var informer = cluster.Follow(ApiResources.MetadataOf("configmaps"));
        await Eventually.TrueAsync(() => gate.Waiting == 1, "the first page is asked for");
        // The second page is the first to find the fault.
        cluster.Server.Faults.Fail("list", "configmaps", 410, times: 1);
        gate.Open();

        await SyncAsync(informer);
        Assert.Equal(501, informer.Objects.Count);
        Assert.DoesNotContain("limit=", cluster.Server.Faults.Requests.Last(r => r.Verb == "list").Query, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Continues_after_a_cut_connection_where_it_was()
    {
        await using var cluster = await Cluster.StartAsync();
        var informer = cluster.Follow(DaprResources.Configurations);
        await SyncAsync(informer);
        await Eventually.TrueAsync(() => cluster.Server.OpenWatches == 1, "the watch is open");
        var seen = cluster.PutConfiguration("first", "one");
        await Eventually.TrueAsync(() => informer.Objects.Count == 1, "the first change is seen");

        cluster.Server.CutWatches();
        cluster.PutConfiguration("second", "two");

        await Eventually.TrueAsync(() => informer.Objects.Count == 2, "the change that came meanwhile is seen");
        Assert.Equal(1, cluster.Server.Faults.Count("list", "configurations.dapr.io"));
        var version = seen.GetProperty("metadata").GetProperty("resourceVersion").GetString();
        Assert.Contains($"resourceVersion={version}&", cluster.Server.Faults.Requests.Last().Query, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_bookmark_moves_the_place_to_continue_from()
    {
        await using var cluster = await Cluster.StartAsync();
        var informer = cluster.Follow(DaprResources.Configurations);
        await SyncAsync(informer);
        await Eventually.TrueAsync(() => cluster.Server.OpenWatches == 1, "the watch is open");

        // Nothing of our kind happens, but the history moves on and its beginning is forgotten.
        var other = cluster.PutConfigMap("other", "v").GetProperty("metadata").GetProperty("resourceVersion").GetString();
        cluster.Server.SendBookmarks();
        cluster.Server.EndWatches();
        await Eventually.TrueAsync(() => cluster.Server.Faults.Count("watch", "configurations.dapr.io") == 2, "the watch is opened again");

        Assert.Contains($"resourceVersion={other}&", cluster.Server.Faults.Requests.Last().Query, StringComparison.Ordinal);
        Assert.Equal(1, cluster.Server.Faults.Count("list", "configurations.dapr.io"));
    }

    [Fact]
    public async Task Lists_again_when_the_history_is_gone_and_reports_what_disappeared_meanwhile()
    {
        await using var cluster = await Cluster.StartAsync();
        cluster.PutConfiguration("stays", "one");
        cluster.PutConfiguration("goes", "one");
        var changes = new ConcurrentQueue<string>();
        var informer = cluster.Follow(
            DaprResources.Configurations, changed: c => changes.Enqueue($"{(c.After is null ? "-" : "+")}{(c.After ?? c.Before)!.Name}"));
        await SyncAsync(informer);
        await Eventually.TrueAsync(() => cluster.Server.OpenWatches == 1, "the watch is open");
        changes.Clear();

        // Nobody may see the deletion as an event: the connection is gone and the history too before the watch returns.
        var gate = cluster.Server.Faults.Hold("watch", "configurations.dapr.io");
        cluster.Server.CutWatches();
        await Eventually.TrueAsync(() => gate.Waiting == 1, "the informer wants to continue");
        cluster.Server.Objects.Delete("configurations.dapr.io", "default", "goes");
        cluster.PutConfiguration("new", "one");
        cluster.Server.ExpireHistory();
        gate.Open();

        await Eventually.TrueAsync(() => informer.Find("default", "new") is not null, "the new list is there");
        await Eventually.TrueAsync(() => informer.Find("default", "goes") is null, "what is gone is gone from the copy");
        Assert.Equal(["+new", "-goes"], changes);
    }

    [Fact]
    public async Task An_expiry_in_the_middle_of_a_watch_leads_to_a_new_list()
    {
        await using var cluster = await Cluster.StartAsync();
        var informer = cluster.Follow(DaprResources.Configurations);
        await SyncAsync(informer);
        await Eventually.TrueAsync(() => cluster.Server.OpenWatches == 1, "the watch is open");

        cluster.Server.ExpireHistory();
        await Eventually.TrueAsync(() => cluster.Server.Faults.Count("list", "configurations.dapr.io") == 2, "it lists again");

        cluster.PutConfiguration("after", "one");
        await Eventually.TrueAsync(() => informer.Objects.Count == 1, "changes are followed again");
    }

    [Fact]
    public async Task Outlives_an_API_server_that_goes_away_and_comes_back()
    {
        await using var cluster = await Cluster.StartAsync();
        cluster.PutConfiguration("before", "one");
        var informer = cluster.Follow(DaprResources.Configurations);
        await SyncAsync(informer);

        await cluster.Server.PauseAsync();
        cluster.PutConfiguration("meanwhile", "two");
        await Eventually.TrueAsync(() => cluster.Told.Any(l => l.Contains("lost the API server while watching configurations.dapr.io", StringComparison.Ordinal)), "the loss is told");
        Assert.NotNull(informer.Find("default", "before"));

        await cluster.Server.ResumeAsync();
        await Eventually.TrueAsync(() => informer.Find("default", "meanwhile") is not null, "what came meanwhile is seen");
        await Eventually.TrueAsync(() => cluster.Told.Any(l => l.Contains("can be listed and watched again", StringComparison.Ordinal)), "the recovery is told");
    }

    [Fact]
    public async Task Waits_for_a_server_that_is_not_there_yet()
    {
        await using var cluster = await Cluster.StartAsync();
        await cluster.Server.PauseAsync();
        var informer = cluster.Follow(DaprResources.Configurations);
        await Eventually.TrueAsync(() => cluster.Told.Count > 0, "the first attempt failed");
        Assert.False(informer.HasSynced);

        await cluster.Server.ResumeAsync();
        await SyncAsync(informer);
    }

    [Theory]
    [InlineData("list")]
    [InlineData("watch")]
    public async Task A_missing_verb_is_named_in_the_log_once_and_granting_it_is_enough(string verb)
    {
        await using var cluster = await Cluster.StartAsync();
        cluster.Server.Access.Deny(verb, "pods");
        var informer = cluster.Follow(ApiResources.MetadataOf("pods"));
        await Eventually.TrueAsync(() => cluster.Server.Faults.Count(verb, "pods") >= 2, "it tries more than once");

        Assert.Single(cluster.Told, l => l.Contains($"a role must allow '{verb}' on 'pods' in the whole cluster", StringComparison.Ordinal));
        Assert.Single(cluster.Told, l => l.Contains($"User \"{Cluster.User}\" cannot {verb} resource \"pods\"", StringComparison.Ordinal));

        cluster.Server.Access.Permit(verb, "pods");
        await SyncAsync(informer);
        await Eventually.TrueAsync(() => cluster.Server.OpenWatches == 1, "the watch is open");
    }

    [Fact]
    public async Task A_kind_whose_CRD_is_missing_is_named_and_shows_up_once_it_is_installed()
    {
        await using var cluster = await Cluster.StartAsync();
        var kind = cluster.Server.Types.Withdraw("configurations.dapr.io");
        var informer = cluster.Follow(DaprResources.Configurations);
        await Eventually.TrueAsync(() => cluster.Told.Any(l => l.Contains("the CRD configurations.dapr.io is not installed", StringComparison.Ordinal)), "it is told");

        cluster.Server.Types.Serve(kind);
        await SyncAsync(informer);
    }

    [Fact]
    public async Task Only_metadata_leave_the_server_when_nothing_else_is_wanted()
    {
        await using var cluster = await Cluster.StartAsync();
        cluster.PutConfigMap("a", "secret");
        var informer = cluster.Follow(ApiResources.MetadataOf("configmaps"), new InformerScope { MetadataOnly = true });
        await SyncAsync(informer);
        await Eventually.TrueAsync(() => cluster.Server.OpenWatches == 1, "the watch is open");

        Assert.All(cluster.Server.Faults.Requests, r => Assert.Contains("as=PartialObjectMetadata", r.Accept, StringComparison.Ordinal));
        cluster.PutConfigMap("b", "secret");
        await Eventually.TrueAsync(() => informer.Find("default", "b")?.Metadata.Uid?.Length > 0, "the change is seen");
    }

    [Fact]
    public async Task A_selector_of_one_name_works_under_a_rule_for_one_name()
    {
        await using var cluster = await Cluster.StartAsync();
        cluster.PutConfigMap("wanted", "v");
        cluster.PutConfigMap("other", "v");
        cluster.Server.Access.Restrict(Cluster.User).Allow("configmaps", "list,watch", "default", "wanted");
        var informer = cluster.Follow(
            ApiResources.MetadataOf("configmaps"), new InformerScope { Namespace = "default", FieldSelector = "metadata.name=wanted" });

        await SyncAsync(informer);
        Assert.Equal("wanted", Assert.Single(informer.Objects).Metadata.Name);
    }

    [Fact]
    public async Task An_unreadable_object_costs_only_itself()
    {
        await using var cluster = await Cluster.StartAsync();
        cluster.PutConfiguration("good", "one");
        cluster.Server.Objects.Put("""{"apiVersion":"dapr.io/v1alpha1","kind":"Configuration","metadata":{"name":"bad"},"spec":{"features":5}}""");
        var informer = cluster.Follow(DaprResources.Configurations);
        await SyncAsync(informer);
        Assert.NotNull(informer.Find("default", "good"));
        Assert.Null(informer.Find("default", "bad"));
        Assert.Contains(cluster.Told, l => l.Contains("default/bad is not readable", StringComparison.Ordinal));

        cluster.Server.Objects.Put("""{"apiVersion":"dapr.io/v1alpha1","kind":"Configuration","metadata":{"name":"good"},"spec":{"features":5}}""");
        cluster.PutConfiguration("next", "one");
        await Eventually.TrueAsync(() => informer.Find("default", "next") is not null, "the watch goes on");
        Assert.Equal("one", informer.Find("default", "good")?.Spec.AccessControl?.TrustDomain);
    }

    [Fact]
    public async Task A_listener_that_throws_does_not_stop_the_informer()
    {
        await using var cluster = await Cluster.StartAsync();
        cluster.PutConfiguration("a", "one");
        var informer = cluster.Follow(DaprResources.Configurations, changed: _ => throw new InvalidOperationException("of the test"));
        await SyncAsync(informer);
        cluster.PutConfiguration("b", "one");
        await Eventually.TrueAsync(() => informer.Find("default", "b") is not null, "the next change is seen");
    }

    private static Task SyncAsync<T>(Informer<T> informer)
        where T : class, IApiObject
        => informer.WaitForSyncAsync(Stop).WaitAsync(TimeSpan.FromSeconds(60), Stop);
}
