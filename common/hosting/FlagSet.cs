using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using DaprK8s.Common.Text;

namespace DaprK8s.Common.Hosting;

/// <summary>A flag is unknown or its value can't be read: usage and exit code 2 (contract: operations 1.1).</summary>
public sealed class FlagException(string message) : Exception(message);

/// <summary>
/// The command line in the dialect of the contract: GNU long flags, a single dash as good as two, booleans that never take
/// the next word, list flags that repeat and split at commas. Each flag is declared once, with its default and its help.
/// </summary>
public sealed class FlagSet
{
    private readonly Command command;
    private readonly Dictionary<string, string> deprecated = [];
    private ParseResult? result;

    /// <summary>Makes an empty set.</summary>
    public FlagSet(string name, string description)
        => command = new Command(name, description) { TreatUnmatchedTokensAsErrors = false };

    /// <summary>A flag that is a text.</summary>
    public Func<string> Text(string name, string @default, string help, bool hidden = false)
    {
        var option = Add(new Option<string>("--" + name) { Description = help, Hidden = hidden, DefaultValueFactory = _ => @default });
        return () => Value(option) ?? "";
    }

    /// <summary>A port or another whole number; empty text reads as the default.</summary>
    public Func<int> Number(string name, int @default, string help)
    {
        var text = Text(name, @default.ToString(CultureInfo.InvariantCulture), help);
        return () => text() is var t && t.Length == 0
            ? @default
            : int.TryParse(t, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : throw Invalid(name, t, "a whole number");
    }

    /// <summary>A flag that is true when it stands alone.</summary>
    public Func<bool> Bool(string name, bool @default, string help)
    {
        var value = OptionalBool(name, help);
        return () => value() ?? @default;
    }

    /// <summary>A boolean that also tells whether it was given at all.</summary>
    public Func<bool?> OptionalBool(string name, string help)
    {
        var option = Add(new Option<string>("--" + name) { Description = help, Arity = ArgumentArity.ZeroOrOne });
        return () =>
        {
            if (!IsSet(option))
            {
                return null;
            }

            var text = Value(option) is { Length: > 0 } t ? t : "true";
            return Truthy.TryParseStrict(text, out var value) ? value : throw Invalid(name, text, "true or false");
        };
    }

    /// <summary>A length of time in Go's notation, or nothing.</summary>
    public Func<TimeSpan?> Duration(string name, string help)
    {
        var option = Add(new Option<string>("--" + name) { Description = help });
        return () => Value(option) is not { Length: > 0 } text
            ? null
            : GoDuration.TryParse(text, out var duration) ? duration : throw Invalid(name, text, "a duration such as 30s");
    }

    /// <summary>A flag that repeats and splits at commas.</summary>
    public Func<IReadOnlyList<string>> List(string name, string help)
    {
        var option = Add(new Option<string[]>("--" + name) { Description = help, Arity = ArgumentArity.ZeroOrMore, AllowMultipleArgumentsPerToken = false });
        return () => [.. (result!.GetValue(option) ?? []).SelectMany(v => v.Split(',')).Where(v => v.Length > 0)];
    }

    /// <summary>Whether a flag was given on the command line.</summary>
    public Func<bool> Given(string name) => () => command.Options.FirstOrDefault(o => o.Name == "--" + name) is { } o && IsSet(o);

    /// <summary>Marks a flag whose use is answered with a hint.</summary>
    public void Deprecate(string name, string hint) => deprecated["--" + name] = hint;

    /// <summary>Reads the arguments; values are then had from the functions.</summary>
    /// <returns>Notices about deprecated flags that were used.</returns>
    /// <exception cref="FlagException">A flag is unknown or lacks its value.</exception>
    public IReadOnlyList<string> Parse(string[] args)
    {
        var normalised = args.Select(a => a.Length > 2 && a[0] == '-' && a[1] != '-' ? "-" + a : a).SelectMany(EmptyForm).Select(BoolForm).ToArray();
        result = command.Parse(normalised, new ParserConfiguration { EnablePosixBundling = false, ResponseFileTokenReplacer = null });
        var unknown = result.UnmatchedTokens.FirstOrDefault(t => t.StartsWith('-'));
        if (unknown is not null)
        {
            throw new FlagException($"unknown flag: {unknown.Split('=')[0]}");
        }

        if (result.Errors.Count > 0)
        {
            throw new FlagException(result.Errors[0].Message);
        }

        return [.. deprecated.Where(d => command.Options.Any(o => o.Name == d.Key && IsSet(o)))
            .Select(d => $"Flag {d.Key} has been deprecated, {d.Value}")];
    }

    /// <summary>The usage text.</summary>
    public string Usage()
    {
        var lines = command.Options.Where(o => !o.Hidden && !deprecated.ContainsKey(o.Name))
            .OrderBy(o => o.Name, StringComparer.Ordinal)
            .Select(o => $"      {o.Name,-38} {o.Description}");
        return $"Usage of {command.Name}:\n{string.Join('\n', lines)}\n";
    }

    // The parser takes "--flag=" for a flag that lacks its value; it has one, the empty text.
    private static string[] EmptyForm(string arg)
        => arg.StartsWith("--", StringComparison.Ordinal) && arg.IndexOf('=') == arg.Length - 1 ? [arg[..^1], ""] : [arg];

    // A boolean without "=value" must not swallow the word behind it.
    private string BoolForm(string arg)
        => command.Options.FirstOrDefault(o => o.Name == arg) is Option<string> { Arity: { MinimumNumberOfValues: 0, MaximumNumberOfValues: 1 } }
            ? arg + "=true"
            : arg;

    private T Add<T>(T option)
        where T : Option
    {
        command.Options.Add(option);
        return option;
    }

    private bool IsSet(Option option) => result!.GetResult(option) is { Implicit: false };

    private string? Value(Option<string> option) => result!.GetValue(option);

    private static FlagException Invalid(string name, string text, string expected)
        => new($"invalid argument \"{text}\" for \"--{name}\" flag: expected {expected}");
}
