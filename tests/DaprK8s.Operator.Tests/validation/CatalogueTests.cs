using DaprK8s.Components;
using DaprK8s.Operator.Validation;

namespace DaprK8s.Operator.Tests.Validation;

public sealed class CatalogueTests
{
    private static readonly string[] Samples =
    [
        "true", "yes", "1", "0", "-1", "f", "x", "3.5", "65535", "65536", "99999999999999999999", "10s", "1h30m", "500ms", "5", "soon", "4Mi", "4Q",
        "{\"a\":1}", "{", "node", "NODE", " node ", "cluster", "a,b", "NaN", "1e3", "parallel", "single", "fanout",
    ];

    [Fact]
    public void Every_provider_but_name_resolvers_is_in_it()
    {
        var catalogue = ComponentCatalogue.Load();

        Assert.All(
            ProviderCatalog.All.Where(e => e.Kind != ComponentKind.NameResolution).SelectMany(e => e.Types.SelectMany(t => e.Versions.Select(v => (t, v)))),
            p => Assert.NotNull(Assert.Single(catalogue.Find(p.t), e => e.Version == p.v).Fields));
        Assert.Empty(catalogue.Find("nameresolution.mdns"));
    }

    [Theory]
    [InlineData("state.consul", "v1")]
    [InlineData("state.sqlite3", "v1")]
    [InlineData("state.yugabyte", "v2")]
    [InlineData("pubsub.azure.servicebus", "v1")]
    [InlineData("bindings.postgresql", "v1")]
    [InlineData("secretstores.aws.secretmanager", "v1")]
    [InlineData("crypto.dapr.kubernetes.secrets", "v1")]
    [InlineData("state.etcd", "v1 v2")]
    [InlineData("state.sqlserver", "v1 v2")]
    [InlineData("conversation.echo", "v1")]
    [InlineData("bindings.kitex", "")]
    public void It_has_the_types_and_versions_of_Dapr(string type, string versions)
        => Assert.Equal(versions, string.Join(' ', ComponentCatalogue.Load().Find(type).Select(e => e.Version)));

    [Fact]
    public void It_judges_values_as_the_providers_do()
    {
        var catalogue = ComponentCatalogue.Load();
        foreach (var entry in ProviderCatalog.All.Where(e => e.Kind != ComponentKind.NameResolution))
        {
            var fields = catalogue.Find(entry.Types[0]).Single(e => e.Version == entry.Versions[0]).Fields!.ToDictionary(f => f.Name);
            foreach (var field in entry.Describe().Fields)
            {
                var known = fields[field.Name];
                Assert.Equal((field.Required, field.Sensitive), (known.Required, known.Sensitive));
                Assert.Equal(field.Aliases, known.Aliases);
                Assert.All(Samples, s => Assert.True(
                    field.Check(s) is null == known.Check(s) is null, $"{entry.Types[0]} {field.Name}: '{s}' provider: {field.Check(s)}, catalogue: {known.Check(s)}"));
            }
        }
    }

    [Theory]
    [InlineData("redisHots", "redisHost")]
    [InlineData("redsHost", "redisHost")]
    [InlineData("REDISHOST", "redisHost")]
    [InlineData("host", null)]
    public void The_nearest_word_is_suggested(string word, string? expected)
        => Assert.Equal(expected, Suggestion.Nearest(word, ["redisPort", "redisHost", "redisDB"]));
}
