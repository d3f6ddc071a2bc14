using DaprK8s.Components.PostgreSql;

namespace DaprK8s.Components.Tests.PostgreSql;

/// <summary>The two forms of a connection string, taken apart.</summary>
public sealed class ConnectionTextTests
{
    private static string Show(string text)
        => string.Join('|', ConnectionText.Parse(text).OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => $"{p.Key}={p.Value}"));

    [Theory]
    [InlineData("host=h port=5432 user=u password=p database=d", "database=d|host=h|password=p|port=5432|user=u")]
    [InlineData("  host = h   port=1  ", "host=h|port=1")]
    [InlineData("password='a b'  host=h", "host=h|password=a b")]
    [InlineData("password = 'it\\'s \\\\ me'", "password=it's \\ me")]
    [InlineData("password=a\\ b host=h", "host=h|password=a b")]
    [InlineData("password=a=b;c host=h", "host=h|password=a=b;c")]
    [InlineData("password= host=h", "password=host=h")]
    [InlineData("host=a host=b", "host=b")]
    [InlineData("nonsense host=h more", "host=h")]
    [InlineData("host='' port=1", "host=|port=1")]
    [InlineData("", "")]
    public void Keyword_pairs(string text, string expected) => Assert.Equal(expected, Show(text));

    [Theory]
    [InlineData("postgres://u:p@h:5433/d?sslmode=require", "database=d|host=h:5433|password=p|sslmode=require|user=u")]
    [InlineData("postgresql://h", "host=h")]
    [InlineData("postgres://", "")]
    [InlineData("postgres:///d?host=/var/run/postgresql", "database=d|host=/var/run/postgresql")]
    [InlineData("postgres://u@h1:1,h2:2/d", "database=d|host=h1:1,h2:2|user=u")]
    [InlineData("postgres://us%40er:p%2F%3A%25@h/my%20db", "database=my db|host=h|password=p/:%|user=us@er")]
    [InlineData("postgres://u:p@ss@h/d", "database=d|host=h|password=p@ss|user=u")]
    [InlineData("postgres://[::1]:5433/d", "database=d|host=[::1]:5433")]
    [InlineData("postgres://h/d?application_name=a+b%2Bc&x=", "application_name=a b+c|database=d|host=h|x=")]
    public void Urls(string text, string expected) => Assert.Equal(expected, Show(text));

    [Theory]
    [InlineData("host=h password='s3cret")]
    [InlineData("host=h password=s3cret\\")]
    [InlineData("host=h =s3cret")]
    [InlineData("postgres://u:s3cret%zz@h/d")]
    [InlineData("postgres://u:12/s3cret@h/d")]
    [InlineData("postgres://u:12?s3cret@h/d")]
    [InlineData("postgres://h/d?s3cret")]
    public void What_is_of_neither_form_is_refused_without_repeating_it(string text)
    {
        var error = Assert.Throws<FormatException>(() => ConnectionText.Parse(text));

        Assert.DoesNotContain("s3cret", error.Message, StringComparison.Ordinal);
    }
}
