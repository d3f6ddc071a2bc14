namespace DaprK8s.Chart.Tests.Cluster;

/// <summary>
/// What an installation of Dapr's own chart looks like to an upgrade: its objects by kind, name and selector, its webhook, its images, and
/// definitions without what ours add (contract: k8s 1.1, 4.4, 4.6, 4.7).
/// </summary>
internal static class DaprChart
{
    // Of a size that was the default once, and can't be changed.
    private const string Claims =
        "volumeClaimTemplates: [{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: dapr-scheduler-data-dir}, "
        + "spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]";

    private const string Webhook = """
        apiVersion: admissionregistration.k8s.io/v1
        kind: MutatingWebhookConfiguration
        metadata: {name: dapr-sidecar-injector, labels: {app: dapr-sidecar-injector}}
        webhooks:
          - name: sidecar-injector.dapr.io
            reinvocationPolicy: IfNeeded
            clientConfig: {service: {namespace: {{ .Release.Namespace }}, name: dapr-sidecar-injector, path: "/mutate"}}
            rules: [{apiGroups: [""], apiVersions: [v1], resources: [pods], operations: [CREATE]}]
            failurePolicy: Ignore
            sideEffects: None
            admissionReviewVersions: [v1, v1beta1]
        """;

    private static readonly (string Kind, string Name, string Plane, string Account)[] Workloads =
    [
        ("Deployment", "dapr-operator", "operator", "dapr-operator"),
        ("Deployment", "dapr-sentry", "sentry", "dapr-sentry"),
        ("Deployment", "dapr-sidecar-injector", "injector", "dapr-injector"),
        ("StatefulSet", "dapr-placement-server", "placement", "dapr-placement"),
        ("StatefulSet", "dapr-scheduler-server", "scheduler", "dapr-scheduler"),
    ];

    /// <summary>The files of a chart of this shape.</summary>
    public static (string File, string Text)[] Files =>
    [
        ("Chart.yaml", "apiVersion: v2\nname: dapr\nversion: 1.16.0\nappVersion: 1.16.0\n"),
        ("crds/components.yaml", Definition("Component", "components")),
        ("crds/configuration.yaml", Definition("Configuration", "configurations")),
        ("templates/webhook.yaml", Webhook),
        ("templates/bundle.yaml", string.Join("\n---\n", new[] { "Secret", "ConfigMap" }.Select(k => $"apiVersion: v1\nkind: {k}\nmetadata: {{name: dapr-trust-bundle, labels: {{app: dapr-sentry}}}}"))),
        ("templates/accounts.yaml", string.Join("\n---\n", Workloads.Select(w => $"apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: {w.Account}}}"))),
        ("templates/services.yaml", string.Join("\n---\n", Services().Select(s => $$"""
            apiVersion: v1
            kind: Service
            metadata:
              name: {{s.Name}}
            spec:
              selector:
                app: {{s.App}}
              ports: {{s.Ports}}
              {{s.More}}
            """))),
        .. Workloads.Select(w => ($"templates/{w.Name}.yaml", $$"""
            apiVersion: apps/v1
            kind: {{w.Kind}}
            metadata:
              name: {{w.Name}}
              labels:
                app: {{w.Name}}
            spec:
              replicas: 1
              {{(w.Kind == "StatefulSet" ? $"serviceName: {w.Name}\n  podManagementPolicy: Parallel" : "")}}
              {{(w.Plane == "scheduler" ? Claims : "")}}
              selector:
                matchLabels:
                  app: {{w.Name}}
              template:
                metadata:
                  labels:
                    app: {{w.Name}}
                  annotations:
                    dapr.io/control-plane: {{w.Plane}}
                spec:
                  serviceAccountName: {{w.Account}}
                  containers:
                    - name: {{w.Name}}
                      image: ghcr.io/dapr/{{w.Plane}}:1.16.0
                      command: ["/{{w.Plane}}"]
            """)),
    ];

    private static string Definition(string kind, string plural) => $$"""
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata:
          name: {{plural}}.dapr.io
          labels:
            app.kubernetes.io/part-of: dapr
        spec:
          group: dapr.io
          names:
            kind: {{kind}}
            listKind: {{kind}}List
            plural: {{plural}}
            singular: {{kind.ToLowerInvariant()}}
          scope: Namespaced
          versions:
            - name: v1alpha1
              served: true
              storage: true
              schema:
                openAPIV3Schema:
                  type: object
                  properties:
                    apiVersion:
                      type: string
                    kind:
                      type: string
                    metadata:
                      type: object
                    spec:
                      type: object
                      x-kubernetes-preserve-unknown-fields: true
        """;

    private static IEnumerable<(string Name, string App, string Ports, string More)> Services()
    {
        yield return ("dapr-api", "dapr-operator", "[{name: grpc, port: 443, targetPort: 6500, appProtocol: tls}, {name: legacy, port: 80, targetPort: 6500, appProtocol: tls}]", "");
        yield return ("dapr-webhook", "dapr-operator", "[{port: 443, targetPort: 19443, appProtocol: https}]", "");
        yield return ("dapr-sentry", "dapr-sentry", "[{name: grpc, port: 443, targetPort: 50001, appProtocol: tls}]", "");
        yield return ("dapr-sidecar-injector", "dapr-sidecar-injector", "[{name: https, port: 443, targetPort: https, appProtocol: https}]", "");
        yield return ("dapr-placement-server", "dapr-placement-server", "[{name: api, port: 50005, appProtocol: tls}]", "clusterIP: None\n  publishNotReadyAddresses: true");
        yield return ("dapr-scheduler-server", "dapr-scheduler-server", "[{name: api, port: 50006, appProtocol: tls}]", "clusterIP: None\n  publishNotReadyAddresses: true");
    }
}
