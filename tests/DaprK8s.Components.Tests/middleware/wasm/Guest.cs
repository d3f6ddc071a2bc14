using System.Text;
using DaprK8s.Components.Tests.Support;

namespace DaprK8s.Components.Tests.Middleware.Wasm;

/// <summary>Writes small guests: WebAssembly text with the imports of the ABI in front, compiled to a file.</summary>
internal static class Guest
{
    /// <summary>A guest that lets everything through, for tests about one of its two functions.</summary>
    public const string NoResponse = """(func (export "handle_response") (param i32 i32))""";

    private const string Imports = """
        (import "http_handler" "enable_features" (func $enable_features (param i32) (result i32)))
        (import "http_handler" "get_config" (func $get_config (param i32 i32) (result i32)))
        (import "http_handler" "log_enabled" (func $log_enabled (param i32) (result i32)))
        (import "http_handler" "log" (func $log (param i32 i32 i32)))
        (import "http_handler" "get_method" (func $get_method (param i32 i32) (result i32)))
        (import "http_handler" "set_method" (func $set_method (param i32 i32)))
        (import "http_handler" "get_uri" (func $get_uri (param i32 i32) (result i32)))
        (import "http_handler" "set_uri" (func $set_uri (param i32 i32)))
        (import "http_handler" "get_protocol_version" (func $get_protocol_version (param i32 i32) (result i32)))
        (import "http_handler" "get_source_addr" (func $get_source_addr (param i32 i32) (result i32)))
        (import "http_handler" "get_header_names" (func $get_header_names (param i32 i32 i32) (result i64)))
        (import "http_handler" "get_header_values" (func $get_header_values (param i32 i32 i32 i32 i32) (result i64)))
        (import "http_handler" "set_header_value" (func $set_header_value (param i32 i32 i32 i32 i32)))
        (import "http_handler" "add_header_value" (func $add_header_value (param i32 i32 i32 i32 i32)))
        (import "http_handler" "remove_header" (func $remove_header (param i32 i32 i32)))
        (import "http_handler" "read_body" (func $read_body (param i32 i32 i32) (result i64)))
        (import "http_handler" "write_body" (func $write_body (param i32 i32 i32)))
        (import "http_handler" "get_status_code" (func $get_status_code (result i32)))
        (import "http_handler" "set_status_code" (func $set_status_code (param i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
        (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
        (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "sock_shutdown" (func $sock_shutdown (param i32 i32) (result i32)))
        """;

    /// <summary>Compiles a guest with a memory of one page.</summary>
    public static byte[] Compile(string body) => Wasmtime.Module.ConvertText($"(module {Imports} (memory (export \"memory\") 1) {body})");

    /// <summary>A guest whose <c>handle_request</c> is these instructions; they leave an i64.</summary>
    public static byte[] OnRequest(string instructions, string more = "", string response = NoResponse)
        => Compile($"""{more} {response} (func (export "handle_request") (result i64) (local $n i32) (local $r i64) {instructions})""");

    /// <summary>A guest with the feature of a held response, whose <c>handle_response</c> is these instructions.</summary>
    public static byte[] OnResponse(string instructions, string more = "")
        => Compile($$"""
            {{more}}
            (func (export "handle_request") (result i64) (drop (call $enable_features (i32.const 2))) (i64.const 0x700000001))
            (func (export "handle_response") (param $context i32) (param $failed i32) (local $n i32) {{instructions}})
            """);

    public static async Task<TemporaryFile> FileAsync(byte[] guest)
    {
        var file = new TemporaryFile();
        await File.WriteAllBytesAsync(file.Path, guest, TestContext.Current.CancellationToken);
        return file;
    }

    /// <summary>A text at an address.</summary>
    public static string Data(int address, string text)
        => $"(data (i32.const {address}) \"{string.Concat(Encoding.UTF8.GetBytes(text).Select(b => $"\\{b:x2}"))}\")";
}
