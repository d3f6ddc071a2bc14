using DaprK8s.Chart.Tests.Rendering;

namespace DaprK8s.Chart.Tests.Objects;

/// <summary>Trust bundle, Configuration, webhooks, budgets, quota, hooks and notes (contract: k8s 4.7, 4.9, 4.10).</summary>
public sealed class OtherObjectTests
{
    [Theory]
    [InlineData("", false, false)]
    [InlineData("dapr_sentry.tls.root.certPEM=root", false, true)]
    [InlineData("dapr_sentry.tls.root.certPEM=root,dapr_sentry.tls.issuer.certPEM=certificate", false, true)]
    [InlineData("dapr_sentry.tls.root.certPEM=root,dapr_sentry.tls.issuer.certPEM=certificate,dapr_sentry.tls.issuer.keyPEM=key", true, true)]
    public void The_trust_bundle_is_left_to_sentry_unless_a_whole_authority_is_given(string values, bool secret, bool map)
    {
        var rendered = Helm.Template("--set", values);

        Assert.Equal(secret ? """{"ca.crt":"cm9vdA==","issuer.crt":"Y2VydGlmaWNhdGU=","issuer.key":"a2V5"}""" : "", rendered["Secret", "dapr-trust-bundle"].Text("data"));
        Assert.Equal(map ? """{"ca.crt":"root"}""" : "", rendered["ConfigMap", "dapr-trust-bundle"].Text("data"));
        Assert.Equal("dapr-sentry", rendered["Secret", "dapr-trust-bundle"].Text("metadata.labels.app"));
    }

    [Fact]
    public void The_systems_Configuration_holds_the_settings_of_mTLS()
    {
        Assert.Equal(
            """{"mtls":{"enabled":true,"workloadCertTTL":"24h","allowedClockSkew":"15m","controlPlaneTrustDomain":"cluster.local","sentryAddress":"dapr-sentry.dapr-system.svc.cluster.local:443"}}""",
            Charts.Default["Configuration", "daprsystem"].Text("spec"));
        Assert.Equal("false", Charts.EveryGlobal["Configuration", "daprsystem"].Text("spec.mtls.enabled"));
        Assert.Equal("sentry.example:443", Charts.EveryGlobal["Configuration", "daprsystem"].Text("spec.mtls.sentryAddress"));
    }

    [Theory]
    [InlineData("1.34", "", "Fail", true)]
    [InlineData("1.28", "", "Fail", true)]
    [InlineData("v1.28.3-eks-1234", "", "Fail", true)]
    [InlineData("1.27", "", "Ignore", false)]
    [InlineData("1.34", "Ignore", "Ignore", false)]
    [InlineData("1.34", "Fail", "Fail", true)]
    [InlineData("1.27", "Fail", "Fail", false)]
    public void An_annotated_pod_never_starts_without_its_sidecar_where_no_other_pod_is_touched_by_that(string version, string policy, string expected, bool conditions)
    {
        var webhook = Helm.Template("--kube-version", version, "--set", $"dapr_sidecar_injector.webhookFailurePolicy={policy}")["MutatingWebhookConfiguration", "dapr-sidecar-injector"];

        Assert.Equal(expected, webhook.Text("webhooks.0.failurePolicy"));
        Assert.Equal(
            conditions ? "has(object.metadata.annotations) && 'dapr.io/enabled' in object.metadata.annotations && object.metadata.annotations['dapr.io/enabled'].lowerAscii() == 'true'" : "",
            webhook.Text("webhooks.0.matchConditions.0.expression"));
    }

    [Fact]
    public void The_injectors_webhook_is_asked_about_new_pods()
    {
        var webhook = Charts.Default["MutatingWebhookConfiguration", "dapr-sidecar-injector"].Find("webhooks.0")!.DeepClone().AsObject();
        webhook.Remove("matchConditions");

        Assert.Equal(
            """{"name":"sidecar-injector.dapr.io","reinvocationPolicy":"IfNeeded","clientConfig":{"service":{"namespace":"dapr-system","name":"dapr-sidecar-injector","path":"/mutate"}},"rules":[{"apiGroups":[""],"apiVersions":["v1"],"resources":["pods"],"operations":["CREATE"]}],"failurePolicy":"Fail","sideEffects":"None","admissionReviewVersions":["v1","v1beta1"]}""",
            webhook.ToJsonString());
        Assert.Equal("""{"matchLabels":{"dapr":"yes"}}""", Charts.EverySubChart["MutatingWebhookConfiguration", "dapr-sidecar-injector"].Text("webhooks.0.objectSelector"));
        Assert.Equal("""{"matchLabels":{"dapr":"yes"}}""", Charts.EverySubChart["MutatingWebhookConfiguration", "dapr-sidecar-injector"].Text("webhooks.0.namespaceSelector"));
    }

    [Fact]
    public void Resources_are_judged_when_they_are_applied_but_go_through_while_the_operator_is_away()
    {
        Assert.Equal(
            """{"name":"validation.dapr.io","clientConfig":{"service":{"namespace":"dapr-system","name":"dapr-webhook","path":"/validate"}},"rules":[{"apiGroups":["dapr.io"],"apiVersions":["v1alpha1","v2alpha1"],"resources":["components","configurations","subscriptions","resiliencies","httpendpoints","mcpservers","workflowaccesspolicies"],"operations":["CREATE","UPDATE"],"scope":"Namespaced"}],"failurePolicy":"Ignore","sideEffects":"None","timeoutSeconds":5,"admissionReviewVersions":["v1"]}""",
            Charts.Default["ValidatingWebhookConfiguration", "dapr-operator-validation"].Text("webhooks.0"));
        Assert.Equal("Fail", Charts.EverySubChart["ValidatingWebhookConfiguration", "dapr-operator-validation"].Text("webhooks.0.failurePolicy"));
        Assert.Null(Helm.Template("--set", "dapr_operator.validation.enabled=false").Find("ValidatingWebhookConfiguration", "dapr-operator-validation"));
    }

    [Fact]
    public void Nothing_of_the_injector_is_left_when_it_is_switched_off()
        => Assert.DoesNotContain(Helm.Template("--set", "dapr_sidecar_injector.enabled=false").Objects, o => o.Name.StartsWith("dapr-sidecar-injector", StringComparison.Ordinal));

    [Theory]
    [InlineData("", "dapr-sidecar-injector-disruption-budget")]
    [InlineData("dapr_sidecar_injector.replicaCount=1", "")]
    [InlineData(Charts.AllServices, "dapr-scheduler-server-disruption-budget dapr-sidecar-injector-disruption-budget")]
    [InlineData(Charts.AllServices + ",dapr_placement.ha=true", "dapr-scheduler-server-disruption-budget dapr-sidecar-injector-disruption-budget")]
    [InlineData(Charts.AllServices + ",global.ha.enabled=true", "dapr-operator-disruption-budget dapr-placement-server-disruption-budget dapr-scheduler-server-disruption-budget dapr-sentry-budget dapr-sidecar-injector-disruption-budget")]
    public void Budgets_guard_what_has_several_replicas(string values, string budgets)
        => Assert.Equal(budgets, string.Join(' ', Helm.Template("--set", values).Of("PodDisruptionBudget").Select(b => b.Name).Order()));

    [Fact]
    public void A_budget_counts_the_pods_of_its_service()
    {
        var budget = Charts.EveryGlobal["PodDisruptionBudget", "dapr-scheduler-server-disruption-budget"];
        var pod = Charts.EveryGlobal["StatefulSet", "dapr-scheduler-server"];
        var minimum = Helm.Template("--set", Charts.AllServices + ",global.ha.disruption.minimumAvailable=1,global.ha.disruption.maximumUnavailable=");

        Assert.Equal("25%", budget.Text("spec.maxUnavailable"));
        Assert.Null(budget.Find("spec.minAvailable"));
        Assert.Equal(pod.Text("spec.template.metadata.labels"), budget.Text("spec.selector.matchLabels"));
        Assert.Equal("1", minimum["PodDisruptionBudget", "dapr-scheduler-server-disruption-budget"].Text("spec.minAvailable"));
        Assert.Null(minimum["PodDisruptionBudget", "dapr-scheduler-server-disruption-budget"].Find("spec.maxUnavailable"));
    }

    [Theory]
    [InlineData("system-node-critical", true)]
    [InlineData("system-cluster-critical", true)]
    [InlineData("high", false)]
    public void A_critical_priority_class_gets_its_quota(string @class, bool quota)
    {
        var found = Helm.Template("--set", $"global.priorityClassName={@class}").Find("ResourceQuota", "system-critical-quota");

        Assert.Equal(quota ? $$$"""{"scopeSelector":{"matchExpressions":[{"scopeName":"PriorityClass","operator":"In","values":["{{{@class}}}"]}]}}""" : "", found?.Text("spec") ?? "");
    }

    [Fact]
    public void Custom_resource_definitions_are_brought_up_to_date_before_an_upgrade_by_a_job_that_may_do_nothing_else()
    {
        var job = Charts.Default["Job", "dapr-crds"];
        var role = Charts.Default["ClusterRole", "dapr-crds"];

        Assert.All(Charts.Default.Objects.Where(o => o.Name == "dapr-crds"), o => Assert.Equal("pre-upgrade", o.Hook));
        Assert.Equal("apply-crds", job.Arguments[0]);
        Assert.Equal(
            """[{"apiGroups":["apiextensions.k8s.io"],"resources":["customresourcedefinitions"],"verbs":["get","patch","create"],"resourceNames":["components.dapr.io","configurations.dapr.io","subscriptions.dapr.io","resiliencies.dapr.io","httpendpoints.dapr.io","mcpservers.dapr.io","workflowaccesspolicies.dapr.io"]}]""",
            role.Text("rules"));
        Assert.True(Weight(Charts.Default["ServiceAccount", "dapr-crds"]) < Weight(job) && Weight(role) < Weight(Charts.Default["ClusterRoleBinding", "dapr-crds"]));
        Assert.DoesNotContain(Helm.Template("--set", "dapr_operator.crds.applyOnUpgrade=false").Objects, o => o.Name == "dapr-crds");
    }

    [Theory]
    [InlineData("", "Actors are off", "Jobs, reminders and workflows are off")]
    [InlineData("global.actors.enabled=true,global.scheduler.enabled=true", "Actors are off", "Jobs, reminders and workflows are off")]
    [InlineData(Charts.AllServices + ",dapr_scheduler.cluster.storageSize=1Gi", "the scheduler has disks of 1Gi", "release dapr")]
    [InlineData("dapr_dashboard.enabled=true", "dapr_dashboard have no effect", "namespace dapr-system")]
    [InlineData("dapr_sentry.tls.root.certPEM=a,dapr_sentry.tls.issuer.certPEM=b", "2 of 3 values of a certificate authority", "dapr_sentry.tls.issuer.keyPEM")]
    [InlineData("global.rbac.namespaced=true,dapr_operator.watchNamespace=apps", "set dapr_operator.watchNamespace=dapr-system")]
    public void The_notes_say_what_a_user_might_miss(string values, params string[] words)
        => Assert.All(words, w => Assert.Contains(w, Helm.Notes("--set", values)));

    [Theory]
    [InlineData("global.actors.enabled=false,global.scheduler.enabled=false")]
    [InlineData(Charts.AllServices + ",global.rbac.namespaced=true,dapr_operator.watchNamespace=dapr-system,dapr_sentry.tls.root.certPEM=a,dapr_sentry.tls.issuer.certPEM=b,dapr_sentry.tls.issuer.keyPEM=c")]
    public void The_notes_are_silent_about_what_is_as_asked_for(string values) => Assert.DoesNotContain("\n>", Helm.Notes("--set", values));

    private static int Weight(RenderedObject hook) => int.Parse(hook.Find("metadata.annotations")!["helm.sh/hook-weight"]!.GetValue<string>(), System.Globalization.CultureInfo.InvariantCulture);
}
