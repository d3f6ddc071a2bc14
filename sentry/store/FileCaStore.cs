using System.Security.Cryptography;
using System.Text;

namespace DaprK8s.Sentry.Store;

/// <summary>
/// The bundle as files (self-hosted). Each file is replaced whole and readable by its owner only; they are written in an order in
/// which a crash leaves a bundle that is read the same way or refused, never one that is misread.
/// </summary>
internal sealed class FileCaStore : ICaStore
{
    // What is trusted comes before who signs; a certificate comes after its key, so that a certificate without key can't be seen.
    private static readonly string[] WriteOrder =
    [
        BundleItems.TrustAnchors, BundleItems.NextIssuerKey, BundleItems.NextIssuerCertificate, BundleItems.PreviousIssuerCertificate,
        BundleItems.IssuerCertificate, BundleItems.IssuerKey, BundleItems.JwtKey, BundleItems.Jwks,
    ];

    private static readonly string[] RemoveOrder =
    [
        BundleItems.NextIssuerCertificate, BundleItems.NextIssuerKey, BundleItems.PreviousIssuerCertificate,
        BundleItems.JwtKey, BundleItems.Jwks, BundleItems.IssuerKey, BundleItems.IssuerCertificate, BundleItems.TrustAnchors,
    ];

    private const string LockFile = ".sentry.lock";

    private readonly string directory;
    private readonly Dictionary<string, string> paths;
    private readonly TimeProvider time;

    /// <summary>Makes a store.</summary>
    /// <param name="directory">Where the files are.</param>
    /// <param name="names">Other names for some items: a file name, or an absolute path.</param>
    /// <param name="time">For the watch.</param>
    public FileCaStore(string directory, IReadOnlyDictionary<string, string> names, TimeProvider time)
    {
        this.directory = Path.GetFullPath(directory);
        this.time = time;
        paths = BundleItems.All.ToDictionary(i => i, i => Path.Combine(this.directory, names.TryGetValue(i, out var name) && name.Length > 0 ? name : i));
    }

    /// <inheritdoc/>
    public async Task<StoredBundle?> LoadAsync(CancellationToken cancellationToken)
    {
        var items = new Dictionary<string, ReadOnlyMemory<byte>>();
        foreach (var (item, path) in paths)
        {
            try
            {
                var bytes = await File.ReadAllBytesAsync(path, cancellationToken);
                // An empty key set is a mistake that is reported where the set is read.
                if (bytes.Length > 0 || item == BundleItems.Jwks)
                {
                    items[item] = bytes;
                }
            }
            catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
            {
                // It is not there.
            }
        }

        return items.Count == 0 ? null : new StoredBundle(items, null, Fingerprint(items));
    }

    /// <inheritdoc/>
    public async Task SaveAsync(StoredBundle bundle, StoredBundle? replaces, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(directory);
        await using var held = Lock();
        var current = await LoadAsync(cancellationToken);
        if (current?.Version != replaces?.Version)
        {
            throw new StoreConflictException($"the files in {directory} changed since they were read");
        }

        foreach (var item in WriteOrder)
        {
            if (bundle[item] is { } bytes && !(current?[item] is { } old && old.Span.SequenceEqual(bytes.Span)))
            {
                Replace(paths[item], bytes.Span);
            }
        }

        foreach (var item in RemoveOrder.Where(i => bundle[i] is null))
        {
            File.Delete(paths[item]);
        }
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<bool> WatchAsync(CancellationToken cancellationToken)
        => DirectoryWatch.ChangesAsync(paths.Values, time, cancellationToken);

    private static void Replace(string path, ReadOnlySpan<byte> bytes)
    {
        // A link stays a link: what it points to is replaced.
        var target = File.Exists(path) ? File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path : path;
        var temporary = $"{target}.{Guid.NewGuid():N}.tmp";
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            using (var file = new FileStream(temporary, options))
            {
                file.Write(bytes);
                file.Flush(flushToDisk: true);
            }

            File.Move(temporary, target, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    private FileStream Lock()
    {
        try
        {
            return new FileStream(Path.Combine(directory, LockFile), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (e is not (FileNotFoundException or DirectoryNotFoundException))
        {
            throw new StoreConflictException($"another sentry writes to {directory}", e);
        }
    }

    private static string Fingerprint(Dictionary<string, ReadOnlyMemory<byte>> items)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var item in BundleItems.All.Where(items.ContainsKey))
        {
            hash.AppendData(Encoding.ASCII.GetBytes($"{item}:{items[item].Length};"));
            hash.AppendData(items[item].Span);
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }
}
