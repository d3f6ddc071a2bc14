using DaprK8s.Common.Wire;
namespace DaprK8s.Sidecar.Wire;

/// <summary>Headers in order, several values a name as several entries; names keep the spelling they came with.</summary>
internal sealed class HeaderList : List<KeyValuePair<string, string>>
{
    public HeaderList(int capacity = 16)
        : base(capacity)
    {
    }

    public void Add(string name, string value) => Add(new(name, value));

    /// <summary>The first value of a name, compared without case.</summary>
    public string? Find(string name)
    {
        foreach (var (key, value) in this)
        {
            if (key.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return value;
            }
        }

        return null;
    }

    /// <summary>Removes every spelling of a name.</summary>
    public void Remove(string name) => RemoveAll(h => h.Key.Equals(name, StringComparison.OrdinalIgnoreCase));
}
