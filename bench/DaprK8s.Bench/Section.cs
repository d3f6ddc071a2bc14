using System.Globalization;
using System.Text;

namespace DaprK8s.Bench;

/// <summary>A table of results and what is to be known about it.</summary>
internal sealed class Section(string title, params string[] columns)
{
    private readonly List<string[]> rows = [];
    private readonly List<string> notes = [];

    public void Row(params string[] cells) => rows.Add(cells);

    public void Note(string text) => notes.Add(text);

    public string ToMarkdown()
    {
        var text = new StringBuilder().AppendLine(CultureInfo.InvariantCulture, $"## {title}").AppendLine();
        if (rows.Count > 0)
        {
            Line(text, columns);
            Line(text, [.. columns.Select((_, i) => i == 0 ? "---" : "---:")]);
            rows.ForEach(row => Line(text, row));
            text.AppendLine();
        }

        foreach (var note in notes)
        {
            text.AppendLine(note).AppendLine();
        }

        return text.ToString();
    }

    private static void Line(StringBuilder text, string[] cells) => text.Append("| ").AppendJoin(" | ", cells).AppendLine(" |");
}
