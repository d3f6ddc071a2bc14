using CsCheck;
using DaprK8s.Sidecar.Tracing;

namespace DaprK8s.Sidecar.Tests.Wire;

public sealed class GrpcTraceBinTests
{
    private static readonly Gen<string> Parents = Gen.Select(Gen.Byte.Array[16], Gen.Byte.Array[8], Gen.Byte)
        .Select((trace, span, flags) => $"00-{Convert.ToHexStringLower(trace)}-{Convert.ToHexStringLower(span)}-{flags:x2}");

    [Fact]
    public void A_trace_parent_survives_its_binary_form()
        => Parents.Sample(parent => GrpcTraceBin.ToTraceParent(GrpcTraceBin.FromTraceParent(parent)) == parent);

    [Fact]
    public void The_layout_is_that_of_the_contract()
        => Assert.Equal(
            "00000af7651916cd43dd8448eb211c80319c01b7ad6b71692033310201",
            Convert.ToHexStringLower(GrpcTraceBin.FromTraceParent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")!));

    [Fact]
    public void Other_texts_and_bytes_are_none_and_do_no_harm()
    {
        Gen.String[0, 60].Sample(text => GrpcTraceBin.FromTraceParent(text) is null or { Length: 29 });
        Gen.Byte.Array[0, 40].Sample(bytes => GrpcTraceBin.ToTraceParent(bytes) is null or { Length: 55 });
        Gen.Select(Parents, Gen.Int[0, 54]).Sample((parent, at) => GrpcTraceBin.FromTraceParent(parent.Remove(at, 1).Insert(at, "?")) is null or { Length: 29 });
        Assert.Null(GrpcTraceBin.FromTraceParent("00-0af7651916cd43dd8448eb211c8031zz-b7ad6b7169203331-01"));
    }
}
