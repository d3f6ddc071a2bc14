using DaprK8s.Common.Resources;

namespace DaprK8s.Operator.Resources;

/// <summary>Puts the values of Secrets into documents (contract: k8s 2.8). What was made is kept with the resource until one of the two changes.</summary>
internal sealed class SecretInlining(SecretSource secrets)
{
    /// <summary>The document for sidecars.</summary>
    /// <exception cref="SecretException">A Secret can't be had.</exception>
    public ValueTask<byte[]> ResolveAsync(WatchedResource resource, CancellationToken cancellationToken)
        => resource.Secrets.Count == 0 ? ValueTask.FromResult(resource.Json) : FillAsync(resource, cancellationToken);

    /// <summary>The document for sidecars, with the problem in it where a Secret can't be had.</summary>
    /// <seealso cref="SecretProblems"/>
    public async ValueTask<byte[]> ResolveOrTellAsync(WatchedResource resource, CancellationToken cancellationToken)
    {
        try
        {
            return await ResolveAsync(resource, cancellationToken);
        }
        catch (SecretException e)
        {
            var document = resource.ToDocument();
            document[SecretProblems.Member] = e.Message;
            return ResourceDocument.Write(document);
        }
    }

    private async ValueTask<byte[]> FillAsync(WatchedResource resource, CancellationToken cancellationToken)
    {
        Dictionary<string, SecretData> found = [];
        foreach (var name in resource.Secrets)
        {
            try
            {
                found[name] = await secrets.GetAsync(resource.Namespace, name, cancellationToken);
            }
            catch (SecretException e)
            {
                throw new SecretException(Explain(resource, name, e.Message));
            }
        }

        var versions = string.Join(',', resource.Secrets.Select(s => found[s].Version));
        if (resource.Resolved is { } known && known.Versions == versions)
        {
            return known.Json;
        }

        var document = resource.ToDocument();
        foreach (var reference in resource.Kind.FindSecrets(document))
        {
            reference.Fill(found[reference.Secret]);
        }

        var json = ResourceDocument.Write(document);
        resource.Resolved = new ResolvedDocument(versions, json);
        return json;
    }

    private static string Explain(WatchedResource resource, string secret, string problem)
    {
        var reference = resource.Kind.FindSecrets(resource.ToDocument()).First(r => r.Secret == secret);
        return reference.Wrap(reference.OnMissingKey == MissingKey.Fail ? $"failed to get secret {secret} for header {reference.What}: {problem}" : problem);
    }
}
