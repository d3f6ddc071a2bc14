namespace DaprK8s.Kubernetes.Tests.Resources;

/// <summary>
/// The tables of the contract (k8s 1.3 to 1.9) as facts: path, type, <c>R</c> for required, and what else holds. <c>[]</c> is an item
/// of a list, <c>{}</c> a value of a map, <c>any</c> a field without a type.
/// </summary>
public static class SchemaFacts
{
    public static TheoryData<string, string, string> All { get; } = new()
    {
        { "components", "v1alpha1", ComponentsV1alpha1 },
        { "httpendpoints", "v1alpha1", HttpendpointsV1alpha1 },
        { "subscription", "v1alpha1", SubscriptionV1alpha1 },
        { "subscription", "v2alpha1", SubscriptionV2alpha1 },
        { "resiliency", "v1alpha1", ResiliencyV1alpha1 },
        { "configuration", "v1alpha1", ConfigurationV1alpha1 },
        { "mcpservers", "v1alpha1", McpserversV1alpha1 },
        { "workflowaccesspolicy", "v1alpha1", WorkflowaccesspolicyV1alpha1 },
    };

    private const string ComponentsV1alpha1 = """
        spec object
        auth object
        auth.secretStore string R
        scopes array
        scopes[] string
        spec.type string R
        spec.version string R
        spec.ignoreErrors boolean
        spec.initTimeout string
        spec.metadata array R
        spec.metadata[] object
        spec.metadata[].name string R
        spec.metadata[].value any
        spec.metadata[].secretKeyRef object
        spec.metadata[].secretKeyRef.name string R
        spec.metadata[].secretKeyRef.key string
        spec.metadata[].envRef string
        """;

    private const string HttpendpointsV1alpha1 = """
        spec object
        auth object
        auth.secretStore string R
        scopes array
        scopes[] string
        spec.baseUrl string R
        spec.clientTLS object
        spec.clientTLS.renegotiation string enum=["Never","OnceAsClient","FreelyAsClient"] default="Never"
        spec.headers array
        spec.headers[] object
        spec.headers[].name string R
        spec.headers[].value any
        spec.headers[].secretKeyRef object
        spec.headers[].secretKeyRef.name string R
        spec.headers[].secretKeyRef.key string
        spec.headers[].envRef string
        spec.clientTLS.rootCA object
        spec.clientTLS.rootCA.value any
        spec.clientTLS.rootCA.secretKeyRef object
        spec.clientTLS.rootCA.secretKeyRef.name string R
        spec.clientTLS.rootCA.secretKeyRef.key string
        spec.clientTLS.certificate object
        spec.clientTLS.certificate.value any
        spec.clientTLS.certificate.secretKeyRef object
        spec.clientTLS.certificate.secretKeyRef.name string R
        spec.clientTLS.certificate.secretKeyRef.key string
        spec.clientTLS.privateKey object
        spec.clientTLS.privateKey.value any
        spec.clientTLS.privateKey.secretKeyRef object
        spec.clientTLS.privateKey.secretKeyRef.name string R
        spec.clientTLS.privateKey.secretKeyRef.key string
        """;

    private const string SubscriptionV1alpha1 = """
        spec object
        scopes array
        scopes[] string
        spec.pubsubname string R
        spec.topic string R
        spec.metadata object
        spec.metadata{} string
        spec.deadLetterTopic string
        spec.bulkSubscribe object
        spec.bulkSubscribe.enabled boolean R
        spec.bulkSubscribe.maxMessagesCount integer format="int32"
        spec.bulkSubscribe.maxAwaitDurationMs integer format="int32"
        spec.route string R
        """;

    private const string SubscriptionV2alpha1 = """
        spec object
        scopes array
        scopes[] string
        spec.pubsubname string R
        spec.topic string R
        spec.metadata object
        spec.metadata{} string
        spec.deadLetterTopic string
        spec.bulkSubscribe object
        spec.bulkSubscribe.enabled boolean R
        spec.bulkSubscribe.maxMessagesCount integer format="int32"
        spec.bulkSubscribe.maxAwaitDurationMs integer format="int32"
        spec.routes object R
        spec.routes.default string
        spec.routes.rules array
        spec.routes.rules[] object
        spec.routes.rules[].match string R
        spec.routes.rules[].path string R
        """;

    private const string ResiliencyV1alpha1 = """
        spec object
        scopes array
        scopes[] string
        spec.policies object R
        spec.policies.timeouts object
        spec.policies.timeouts{} string
        spec.policies.retries object
        spec.policies.retries{} object
        spec.policies.retries{}.policy string
        spec.policies.retries{}.duration string
        spec.policies.retries{}.maxInterval string
        spec.policies.retries{}.maxRetries integer
        spec.policies.retries{}.matching object
        spec.policies.retries{}.matching.httpStatusCodes string
        spec.policies.retries{}.matching.gRPCStatusCodes string
        spec.policies.circuitBreakers object
        spec.policies.circuitBreakers{} object
        spec.policies.circuitBreakers{}.maxRequests integer
        spec.policies.circuitBreakers{}.interval string
        spec.policies.circuitBreakers{}.timeout string
        spec.policies.circuitBreakers{}.trip string
        spec.targets object R
        spec.targets.apps object
        spec.targets.apps{} object
        spec.targets.apps{}.circuitBreakerCacheSize integer
        spec.targets.actors object
        spec.targets.actors{} object
        spec.targets.actors{}.circuitBreakerCacheSize integer
        spec.targets.actors{}.circuitBreakerScope string
        spec.targets.components object
        spec.targets.components{} object
        spec.targets.components{}.inbound object
        spec.targets.components{}.outbound object
        spec.targets.apps{}.timeout string
        spec.targets.apps{}.retry string
        spec.targets.apps{}.circuitBreaker string
        spec.targets.actors{}.timeout string
        spec.targets.actors{}.retry string
        spec.targets.actors{}.circuitBreaker string
        spec.targets.components{}.inbound.timeout string
        spec.targets.components{}.inbound.retry string
        spec.targets.components{}.inbound.circuitBreaker string
        spec.targets.components{}.outbound.timeout string
        spec.targets.components{}.outbound.retry string
        spec.targets.components{}.outbound.circuitBreaker string
        """;

    private const string ConfigurationV1alpha1 = """
        spec object
        spec.httpPipeline object
        spec.httpPipeline.handlers array R
        spec.httpPipeline.handlers[] object
        spec.httpPipeline.handlers[].name string R
        spec.httpPipeline.handlers[].type string R
        spec.httpPipeline.handlers[].selector object
        spec.httpPipeline.handlers[].selector.fields array R
        spec.httpPipeline.handlers[].selector.fields[] object
        spec.httpPipeline.handlers[].selector.fields[].field string R
        spec.httpPipeline.handlers[].selector.fields[].value string R
        spec.appHttpPipeline object
        spec.appHttpPipeline.handlers array R
        spec.appHttpPipeline.handlers[] object
        spec.appHttpPipeline.handlers[].name string R
        spec.appHttpPipeline.handlers[].type string R
        spec.appHttpPipeline.handlers[].selector object
        spec.appHttpPipeline.handlers[].selector.fields array R
        spec.appHttpPipeline.handlers[].selector.fields[] object
        spec.appHttpPipeline.handlers[].selector.fields[].field string R
        spec.appHttpPipeline.handlers[].selector.fields[].value string R
        spec.tracing object
        spec.tracing.samplingRate string R
        spec.tracing.stdout boolean
        spec.tracing.zipkin object
        spec.tracing.zipkin.endpointAddress string R
        spec.tracing.otel object
        spec.tracing.otel.protocol string R
        spec.tracing.otel.endpointAddress string R
        spec.tracing.otel.isSecure boolean R
        spec.tracing.otel.timeout string
        spec.tracing.otel.headers array
        spec.tracing.otel.headers[] object
        spec.tracing.otel.headers[].name string R
        spec.tracing.otel.headers[].value any
        spec.tracing.otel.headers[].secretKeyRef object
        spec.tracing.otel.headers[].secretKeyRef.name string R
        spec.tracing.otel.headers[].secretKeyRef.key string
        spec.tracing.otel.headers[].envRef string
        spec.metric object default={"enabled":true}
        spec.metric.enabled boolean R
        spec.metric.recordErrorCodes boolean
        spec.metric.http object
        spec.metric.http.increasedCardinality boolean
        spec.metric.http.excludeVerbs boolean
        spec.metric.http.pathMatching array
        spec.metric.http.pathMatching[] string
        spec.metric.rules array
        spec.metric.rules[] object
        spec.metric.rules[].name string R
        spec.metric.rules[].labels array R
        spec.metric.rules[].labels[] object
        spec.metric.rules[].labels[].name string R
        spec.metric.rules[].labels[].regex object R
        spec.metric.rules[].labels[].regex{} string
        spec.metric.latencyDistributionBuckets array
        spec.metric.latencyDistributionBuckets[] integer
        spec.metric.workflow object
        spec.metric.workflow.latencyDistributionBuckets array
        spec.metric.workflow.latencyDistributionBuckets[] integer
        spec.metric.workflow.latencyDistributionUnits string
        spec.metrics object default={"enabled":true}
        spec.metrics.enabled boolean R
        spec.metrics.recordErrorCodes boolean
        spec.metrics.http object
        spec.metrics.http.increasedCardinality boolean
        spec.metrics.http.excludeVerbs boolean
        spec.metrics.http.pathMatching array
        spec.metrics.http.pathMatching[] string
        spec.metrics.rules array
        spec.metrics.rules[] object
        spec.metrics.rules[].name string R
        spec.metrics.rules[].labels array R
        spec.metrics.rules[].labels[] object
        spec.metrics.rules[].labels[].name string R
        spec.metrics.rules[].labels[].regex object R
        spec.metrics.rules[].labels[].regex{} string
        spec.metrics.latencyDistributionBuckets array
        spec.metrics.latencyDistributionBuckets[] integer
        spec.metrics.workflow object
        spec.metrics.workflow.latencyDistributionBuckets array
        spec.metrics.workflow.latencyDistributionBuckets[] integer
        spec.metrics.workflow.latencyDistributionUnits string
        spec.mtls object
        spec.mtls.enabled boolean R
        spec.mtls.sentryAddress string R
        spec.mtls.controlPlaneTrustDomain string R
        spec.mtls.workloadCertTTL string
        spec.mtls.allowedClockSkew string
        spec.mtls.tokenValidators array
        spec.mtls.tokenValidators[] object
        spec.mtls.tokenValidators[].name string R enum=["jwks"]
        spec.mtls.tokenValidators[].options object preserve-unknown-fields=true
        spec.secrets object
        spec.secrets.scopes array R
        spec.secrets.scopes[] object
        spec.secrets.scopes[].storeName string R
        spec.secrets.scopes[].defaultAccess string
        spec.secrets.scopes[].allowedSecrets array
        spec.secrets.scopes[].allowedSecrets[] string
        spec.secrets.scopes[].deniedSecrets array
        spec.secrets.scopes[].deniedSecrets[] string
        spec.accessControl object
        spec.accessControl.defaultAction string
        spec.accessControl.trustDomain string
        spec.accessControl.policies array
        spec.accessControl.policies[] object
        spec.accessControl.policies[].appId string R
        spec.accessControl.policies[].defaultAction string
        spec.accessControl.policies[].trustDomain string
        spec.accessControl.policies[].namespace string
        spec.accessControl.policies[].operations array
        spec.accessControl.policies[].operations[] object
        spec.accessControl.policies[].operations[].name string R
        spec.accessControl.policies[].operations[].action string R
        spec.accessControl.policies[].operations[].httpVerb array
        spec.accessControl.policies[].operations[].httpVerb[] string
        spec.nameResolution object
        spec.nameResolution.component string R
        spec.nameResolution.version string R
        spec.nameResolution.configuration object R preserve-unknown-fields=true
        spec.features array
        spec.features[] object
        spec.features[].name string R
        spec.features[].enabled boolean R
        spec.api object
        spec.api.allowed array
        spec.api.allowed[] object
        spec.api.allowed[].name string R
        spec.api.allowed[].version string R
        spec.api.allowed[].protocol string
        spec.api.denied array
        spec.api.denied[] object
        spec.api.denied[].name string R
        spec.api.denied[].version string R
        spec.api.denied[].protocol string
        spec.components object
        spec.components.deny array
        spec.components.deny[] string
        spec.logging object
        spec.logging.apiLogging object
        spec.logging.apiLogging.enabled boolean
        spec.logging.apiLogging.obfuscateURLs boolean
        spec.logging.apiLogging.omitHealthChecks boolean
        spec.wasm object
        spec.wasm.strictSandbox boolean
        spec.workflow object
        spec.workflow.maxConcurrentWorkflowInvocations integer format="int32"
        spec.workflow.maxConcurrentActivityInvocations integer format="int32"
        spec.workflow.globalMaxConcurrentWorkflowInvocations integer format="int32"
        spec.workflow.globalMaxConcurrentActivityInvocations integer format="int32"
        spec.workflow.workflowConcurrencyLimits array
        spec.workflow.workflowConcurrencyLimits[] object
        spec.workflow.workflowConcurrencyLimits[].name string
        spec.workflow.workflowConcurrencyLimits[].maxConcurrent integer format="int32"
        spec.workflow.activityConcurrencyLimits array
        spec.workflow.activityConcurrencyLimits[] object
        spec.workflow.activityConcurrencyLimits[].name string
        spec.workflow.activityConcurrencyLimits[].maxConcurrent integer format="int32"
        spec.workflow.stateRetentionPolicy object
        spec.workflow.stateRetentionPolicy.anyTerminal string
        spec.workflow.stateRetentionPolicy.completed string
        spec.workflow.stateRetentionPolicy.failed string
        spec.workflow.stateRetentionPolicy.terminated string
        """;

    private const string McpserversV1alpha1 = """
        spec object
        scopes array
        scopes[] string
        spec.endpoint object R
        spec.endpoint.streamableHTTP object
        spec.endpoint.streamableHTTP.url string R minLength=1
        spec.endpoint.streamableHTTP.protocolVersion string
        spec.endpoint.streamableHTTP.timeout string
        spec.endpoint.streamableHTTP.auth object
        spec.endpoint.streamableHTTP.auth.secretStore string
        spec.endpoint.streamableHTTP.auth.oauth2 object
        spec.endpoint.streamableHTTP.auth.oauth2.issuer string R minLength=1
        spec.endpoint.streamableHTTP.auth.oauth2.audience string
        spec.endpoint.streamableHTTP.auth.oauth2.clientID string
        spec.endpoint.streamableHTTP.auth.oauth2.secretKeyRef object
        spec.endpoint.streamableHTTP.auth.oauth2.secretKeyRef.name string R
        spec.endpoint.streamableHTTP.auth.oauth2.secretKeyRef.key string
        spec.endpoint.streamableHTTP.auth.spiffe object
        spec.endpoint.streamableHTTP.auth.spiffe.jwt object
        spec.endpoint.streamableHTTP.auth.spiffe.jwt.header string R minLength=1
        spec.endpoint.streamableHTTP.auth.spiffe.jwt.audience string R minLength=1
        spec.endpoint.streamableHTTP.auth.spiffe.jwt.headerValuePrefix string
        spec.endpoint.streamableHTTP.headers array
        spec.endpoint.streamableHTTP.headers[] object
        spec.endpoint.streamableHTTP.headers[].name string R
        spec.endpoint.streamableHTTP.headers[].value any
        spec.endpoint.streamableHTTP.headers[].secretKeyRef object
        spec.endpoint.streamableHTTP.headers[].secretKeyRef.name string R
        spec.endpoint.streamableHTTP.headers[].secretKeyRef.key string
        spec.endpoint.streamableHTTP.headers[].envRef string
        spec.endpoint.streamableHTTP.auth.oauth2.scopes array
        spec.endpoint.streamableHTTP.auth.oauth2.scopes[] string
        spec.endpoint.sse object
        spec.endpoint.sse.url string R minLength=1
        spec.endpoint.sse.protocolVersion string
        spec.endpoint.sse.timeout string
        spec.endpoint.sse.auth object
        spec.endpoint.sse.auth.secretStore string
        spec.endpoint.sse.auth.oauth2 object
        spec.endpoint.sse.auth.oauth2.issuer string R minLength=1
        spec.endpoint.sse.auth.oauth2.audience string
        spec.endpoint.sse.auth.oauth2.clientID string
        spec.endpoint.sse.auth.oauth2.secretKeyRef object
        spec.endpoint.sse.auth.oauth2.secretKeyRef.name string R
        spec.endpoint.sse.auth.oauth2.secretKeyRef.key string
        spec.endpoint.sse.auth.spiffe object
        spec.endpoint.sse.auth.spiffe.jwt object
        spec.endpoint.sse.auth.spiffe.jwt.header string R minLength=1
        spec.endpoint.sse.auth.spiffe.jwt.audience string R minLength=1
        spec.endpoint.sse.auth.spiffe.jwt.headerValuePrefix string
        spec.endpoint.sse.headers array
        spec.endpoint.sse.headers[] object
        spec.endpoint.sse.headers[].name string R
        spec.endpoint.sse.headers[].value any
        spec.endpoint.sse.headers[].secretKeyRef object
        spec.endpoint.sse.headers[].secretKeyRef.name string R
        spec.endpoint.sse.headers[].secretKeyRef.key string
        spec.endpoint.sse.headers[].envRef string
        spec.endpoint.sse.auth.oauth2.scopes array
        spec.endpoint.sse.auth.oauth2.scopes[] string
        spec.endpoint.stdio object
        spec.endpoint.stdio.command string R minLength=1
        spec.endpoint.stdio.args array
        spec.endpoint.stdio.args[] string
        spec.endpoint.stdio.env array
        spec.endpoint.stdio.env[] object
        spec.endpoint.stdio.env[].name string R
        spec.endpoint.stdio.env[].value any
        spec.endpoint.stdio.env[].secretKeyRef object
        spec.endpoint.stdio.env[].secretKeyRef.name string R
        spec.endpoint.stdio.env[].secretKeyRef.key string
        spec.endpoint.stdio.env[].envRef string
        spec.ignoreErrors boolean
        spec.catalog object
        spec.catalog.displayName string
        spec.catalog.description string
        spec.catalog.owner object
        spec.catalog.owner.team string
        spec.catalog.owner.contact string
        spec.catalog.links object
        spec.catalog.links{} string
        spec.middleware object
        spec.catalog.tags array
        spec.catalog.tags[] string
        spec.middleware.beforeCallTool array
        spec.middleware.beforeCallTool[] object
        spec.middleware.beforeCallTool[].workflow object R
        spec.middleware.beforeCallTool[].workflow.workflowName string R minLength=1
        spec.middleware.beforeCallTool[].workflow.appID string
        spec.middleware.beforeCallTool[].mutate boolean
        spec.middleware.afterCallTool array
        spec.middleware.afterCallTool[] object
        spec.middleware.afterCallTool[].workflow object R
        spec.middleware.afterCallTool[].workflow.workflowName string R minLength=1
        spec.middleware.afterCallTool[].workflow.appID string
        spec.middleware.afterCallTool[].mutate boolean
        spec.middleware.afterListTools array
        spec.middleware.afterListTools[] object
        spec.middleware.afterListTools[].workflow object R
        spec.middleware.afterListTools[].workflow.workflowName string R minLength=1
        spec.middleware.afterListTools[].workflow.appID string
        spec.middleware.afterListTools[].mutate boolean
        spec.middleware.beforeListTools array
        spec.middleware.beforeListTools[] object
        spec.middleware.beforeListTools[].workflow object R
        spec.middleware.beforeListTools[].workflow.workflowName string R minLength=1
        spec.middleware.beforeListTools[].workflow.appID string
        """;

    private const string WorkflowaccesspolicyV1alpha1 = """
        spec object
        scopes array
        scopes[] string
        spec.rules array maxItems=100
        spec.rules[] object
        spec.rules[].callers array R minItems=1 maxItems=100
        spec.rules[].callers[] object
        spec.rules[].callers[].appID string R minLength=1 maxLength=256
        spec.rules[].workflows array maxItems=100
        spec.rules[].workflows[] object
        spec.rules[].workflows[].name string R minLength=1 maxLength=256
        spec.rules[].workflows[].operations array R minItems=1 maxItems=8 list-type="set"
        spec.rules[].workflows[].operations[] string enum=["schedule","terminate","raise","pause","resume","purge","get","rerun"]
        spec.rules[].activities array maxItems=100
        spec.rules[].activities[] object
        spec.rules[].activities[].name string R minLength=1 maxLength=256
        spec.rules[].workflows[].requires array maxItems=20
        spec.rules[].workflows[].requires[] object
        spec.rules[].workflows[].requires[].eventType string R enum=["activity.started","activity.completed","workflow.started","workflow.completed","event.raised"]
        spec.rules[].workflows[].requires[].name string R minLength=1 maxLength=256
        spec.rules[].workflows[].requires[].appID string R minLength=1 maxLength=256
        spec.rules[].activities[].requires array maxItems=20
        spec.rules[].activities[].requires[] object
        spec.rules[].activities[].requires[].eventType string R enum=["activity.started","activity.completed","workflow.started","workflow.completed","event.raised"]
        spec.rules[].activities[].requires[].name string R minLength=1 maxLength=256
        spec.rules[].activities[].requires[].appID string R minLength=1 maxLength=256
        """;
}
