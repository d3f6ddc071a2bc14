namespace DaprK8s.Sidecar.Runtime;

/// <summary>
/// A value that may be another one at the next look. It is immutable itself: whoever needs it twice takes it once. A value that never
/// changes converts by itself.
/// </summary>
internal abstract class Live<T>
{
    /// <summary>The value as it is now. Never blocks.</summary>
    public abstract T Value { get; }

    public static implicit operator Live<T>(T value) => new Fixed(value);

    /// <summary>A part of it, which changes with it.</summary>
    public Live<TPart> Part<TPart>(Func<T, TPart> part) => new PartOf<TPart>(this, part);

    private sealed class Fixed(T value) : Live<T>
    {
        public override T Value => value;
    }

    private sealed class PartOf<TPart>(Live<T> whole, Func<T, TPart> part) : Live<TPart>
    {
        public override TPart Value => part(whole.Value);
    }
}

/// <summary>A value with one owner that swaps it, and readers that take no lock.</summary>
internal sealed class Swappable<T>(T first) : Live<T>
    where T : class
{
    private volatile T value = first;

    public override T Value => value;

    public void Swap(T next) => value = next;
}
