using DaprK8s.Common.Kubernetes;
using DaprK8s.Injector.Admission;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Injector.Kubernetes;

/// <summary>The UIDs of the accounts that sidecars are injected for (contract: k8s 3.4).</summary>
internal sealed class AllowedAccounts(KubernetesClient client, CallerRules callers, ILogger logger, TimeProvider time)
{
    private static readonly ApiResource<PartialObject> Accounts = ApiResources.MetadataOf("serviceaccounts");
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    /// <summary>Whether they are known.</summary>
    public bool AreKnown { get; private set; }

    /// <summary>Asks for them, once.</summary>
    /// <exception cref="InvalidOperationException">They can't be had.</exception>
    public async Task LoadAsync(CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(Limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            // A dozen small answers: clusters have thousands of accounts.
            callers.AllowUids(await Task.WhenAll(callers.Names.Select(n => FindAsync(n, either.Token))));
            AreKnown = true;
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            var what = limit.IsCancellationRequested ? $"the API server did not answer within {Limit.TotalSeconds} s" : e.Message;
            throw new InvalidOperationException($"Failed to get authentication uids from services accounts: {what}", e);
        }
    }

    private async Task<string> FindAsync(string account, CancellationToken cancellationToken)
    {
        var parts = account.Split(':', StringSplitOptions.TrimEntries);
        try
        {
            if (parts.All(p => p.Length > 0 && p.AsSpan().IndexOfAny("*?[\\/%") < 0))
            {
                return (await client.GetMetadataAsync(Accounts, parts[0], parts[1], cancellationToken)).Metadata.Uid ?? "";
            }
        }
        catch (KubernetesException e) when (e.IsObjectMissing)
        {
            // Not every cluster has every controller.
        }

        logger.LogInformation("Unable to get SA {Name} UID", account);
        return "";
    }
}
