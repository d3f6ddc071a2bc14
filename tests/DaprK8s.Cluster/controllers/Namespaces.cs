using System.Text.Json.Nodes;
using DaprK8s.Cluster.Objects;
using DaprK8s.KubernetesApi;

namespace DaprK8s.Cluster.Controllers;

/// <summary>Namespaces: each has a service account for pods that name none, and the authority that the API server is known by.</summary>
internal sealed class Namespaces(ClusterObjects objects, string authorityPem, ControllerLog log) : Controller(objects, log)
{
    protected override Task ReconcileAsync(CancellationToken cancellationToken) => EachAsync(Objects.List("namespaces"), item =>
    {
        var name = item.Name();
        if (item.IsBeingDeleted() || item.Text("status", "phase") == "Terminating")
        {
            return Task.CompletedTask;
        }

        if (Objects.Find("serviceaccounts", name, "default") is null)
        {
            Objects.Put(new JsonObject { ["apiVersion"] = "v1", ["kind"] = "ServiceAccount", ["metadata"] = Metadata(name, "default") });
        }

        if (Objects.Find("configmaps", name, "kube-root-ca.crt") is null)
        {
            Objects.Put(new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "ConfigMap",
                ["metadata"] = Metadata(name, "kube-root-ca.crt"),
                ["data"] = new JsonObject { ["ca.crt"] = authorityPem },
            });
        }

        return Task.CompletedTask;
    });

    private static JsonObject Metadata(string @namespace, string name) => new() { ["name"] = name, ["namespace"] = @namespace };
}
