using System.Numerics;

namespace DaprK8s.Components.Rego;

/// <summary>Numbers.</summary>
internal static class NumberFunctions
{
    private const int MaxShift = 4096;

    /// <summary>Adds them.</summary>
    public static void AddTo(BuiltinTable table)
    {
        table.Add("abs", "number", static (_, a) => ((RegoNumber)a).Abs());
        table.Add("round", "number", static (_, a) => ((RegoNumber)a).Round());
        table.Add("ceil", "number", static (_, a) => ((RegoNumber)a).Ceiling());
        table.Add("floor", "number", static (_, a) => ((RegoNumber)a).Floor());
        table.Add("numbers.range", "number,number", static (e, a, b) => Range(e, (RegoNumber)a, (RegoNumber)b, RegoNumber.Of(1)));
        table.Add("numbers.range_step", "number,number,number", static (e, a) => Range(e, (RegoNumber)a[0], (RegoNumber)a[1], (RegoNumber)a[2]));
        table.Add("bits.and", "number,number", static (_, a, b) => Bits(a, b, static (x, y) => x & y));
        table.Add("bits.or", "number,number", static (_, a, b) => Bits(a, b, static (x, y) => x | y));
        table.Add("bits.xor", "number,number", static (_, a, b) => Bits(a, b, static (x, y) => x ^ y));
        table.Add("bits.negate", "number", static (_, a) => a is RegoNumber { IsInteger: true } n ? RegoNumber.Of(~n.Big) : null);
        table.Add("bits.lsh", "number,number", static (_, a, b) => Shift(a, b, static (x, y) => x << y));
        table.Add("bits.rsh", "number,number", static (_, a, b) => Shift(a, b, static (x, y) => x >> y));
    }

    private static RegoArray? Range(Evaluation e, RegoNumber from, RegoNumber to, RegoNumber step)
    {
        if (!from.IsInteger || !to.IsInteger || !step.IsInteger || step.Sign <= 0)
        {
            return null;
        }

        var count = (BigInteger.Abs(to.Big - from.Big) / step.Big) + 1;
        e.Spend((long)BigInteger.Min(count, long.MaxValue));
        var items = new RegoValue[(int)count];
        var direction = to.Big >= from.Big ? step.Big : -step.Big;
        for (var i = 0; i < items.Length; i++)
        {
            items[i] = RegoNumber.Of(from.Big + (i * direction));
        }

        return new RegoArray(items);
    }

    private static RegoNumber? Bits(RegoValue a, RegoValue b, Func<BigInteger, BigInteger, BigInteger> operation)
        => a is RegoNumber { IsInteger: true } x && b is RegoNumber { IsInteger: true } y ? RegoNumber.Of(operation(x.Big, y.Big)) : null;

    private static RegoNumber? Shift(RegoValue a, RegoValue b, Func<BigInteger, int, BigInteger> operation)
        => a is RegoNumber { IsInteger: true } x && b is RegoNumber y && y.TryGetInt(out var bits) && bits is >= 0 and <= MaxShift
            ? RegoNumber.Of(operation(x.Big, bits))
            : null;
}
