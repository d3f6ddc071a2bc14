namespace DaprK8s.Kubernetes.Tests.Resources;

/// <summary>Manifests in the shapes that Dapr's quickstarts and documentation have, of every kind, with every block.</summary>
internal static class Manifests
{
    public const string All = """
        apiVersion: dapr.io/v1alpha1
        kind: Component
        metadata:
          name: statestore
        spec:
          type: state.redis
          version: v1
          initTimeout: 1m
          ignoreErrors: false
          metadata:
          - name: redisHost
            value: redis-master:6379
          - name: redisPassword
            secretKeyRef:
              name: redis
              key: redis-password
          - name: actorStateStore
            value: "true"
          - name: redisDB
            value: 0
          - name: enableTLS
            value: false
          - name: extra
            value: {a: [1, "x", true]}
          - name: fromEnvironment
            envRef: REDIS_SETTING
        auth:
          secretStore: kubernetes
        scopes:
        - nodeapp
        - pythonapp
        ---
        apiVersion: dapr.io/v1alpha1
        kind: Component
        metadata:
          name: sample-topic
        spec:
          type: bindings.cron
          version: v1
          metadata: []
        ---
        apiVersion: dapr.io/v2alpha1
        kind: Subscription
        metadata:
          name: orders
        spec:
          topic: orders
          pubsubname: orderpubsub
          deadLetterTopic: poison
          metadata:
            rawPayload: "true"
          bulkSubscribe:
            enabled: true
            maxMessagesCount: 100
            maxAwaitDurationMs: 40
          routes:
            rules:
            - match: event.type == "widget"
              path: /widgets
            default: /products
        scopes:
        - checkout
        ---
        apiVersion: dapr.io/v1alpha1
        kind: Subscription
        metadata:
          name: legacy
        spec:
          topic: orders
          route: /orders
          pubsubname: orderpubsub
        ---
        apiVersion: dapr.io/v1alpha1
        kind: Resiliency
        metadata:
          name: resiliency
        spec:
          policies:
            timeouts:
              general: 5s
            retries:
              important:
                policy: exponential
                maxInterval: 15s
                maxRetries: 10
                matching:
                  httpStatusCodes: 500,502-504
                  gRPCStatusCodes: 2,4
            circuitBreakers:
              simpleCB:
                maxRequests: 1
                interval: 8s
                timeout: 45s
                trip: consecutiveFailures > 8
          targets:
            apps:
              appB:
                timeout: general
                retry: important
                circuitBreaker: simpleCB
                circuitBreakerCacheSize: 100
            actors:
              myActorType:
                timeout: general
                retry: important
                circuitBreaker: simpleCB
                circuitBreakerScope: both
                circuitBreakerCacheSize: 5000
            components:
              statestore:
                outbound:
                  timeout: general
                  retry: important
                inbound:
                  circuitBreaker: simpleCB
        scopes:
        - app1
        ---
        apiVersion: dapr.io/v1alpha1
        kind: HTTPEndpoint
        metadata:
          name: github
        spec:
          baseUrl: https://api.github.com
          headers:
          - name: Accept-Language
            value: en-US
          - name: Authorization
            secretKeyRef:
              name: github
              key: token
          clientTLS:
            rootCA:
              secretKeyRef:
                name: tls
                key: tls.crt
            certificate:
              value: pem
            privateKey:
              value: pem
            renegotiation: OnceAsClient
        auth:
          secretStore: vault
        scopes: [a]
        ---
        apiVersion: dapr.io/v1alpha1
        kind: Configuration
        metadata:
          name: appconfig
        spec:
          appHttpPipeline:
            handlers:
            - {name: alias, type: middleware.http.routeralias}
          httpPipeline:
            handlers:
            - name: oauth2
              type: middleware.http.oauth2
              selector: {fields: [{field: path, value: /x}]}
          tracing:
            samplingRate: "1"
            stdout: true
            zipkin: {endpointAddress: "http://zipkin.default.svc.cluster.local:9411/api/v2/spans"}
            otel:
              endpointAddress: otel:4317
              isSecure: false
              protocol: grpc
              timeout: 10s
              headers: [{name: key, secretKeyRef: {name: otel, key: key}}]
          metric: {enabled: true}
          metrics:
            enabled: true
            recordErrorCodes: true
            http: {increasedCardinality: false, pathMatching: ["/orders/{id}"], excludeVerbs: true}
            latencyDistributionBuckets: [1, 5, 10]
            rules:
            - name: dapr_runtime_service_invocation_req_sent_total
              labels: [{name: method, regex: {"orders/": orders/.+}}]
            workflow: {latencyDistributionBuckets: [1, 2], latencyDistributionUnits: 1s}
          mtls:
            enabled: true
            workloadCertTTL: 24h
            allowedClockSkew: 15m
            sentryAddress: dapr-sentry.dapr-system.svc.cluster.local:443
            controlPlaneTrustDomain: cluster.local
            tokenValidators: [{name: jwks, options: {source: "https://x/keys", minRefreshInterval: 2m}}]
          secrets:
            scopes: [{storeName: kubernetes, defaultAccess: deny, allowedSecrets: [a], deniedSecrets: [b]}]
          accessControl:
            defaultAction: deny
            trustDomain: public
            policies:
            - appId: app1
              defaultAction: deny
              trustDomain: public
              namespace: default
              operations: [{name: "/op1/*", httpVerb: [POST, GET], action: allow}]
          nameResolution:
            component: sqlite
            version: v1
            configuration: {connectionString: /data/nr.db, nested: {a: [1]}}
          features: [{name: HotReload, enabled: true}]
          api:
            allowed: [{name: state, version: v1.0, protocol: http}]
            denied: [{name: invoke, version: v1, protocol: grpc}]
          components: {deny: [bindings.smtp, state.redis/v1]}
          logging: {apiLogging: {enabled: true, obfuscateURLs: true, omitHealthChecks: true}}
          wasm: {strictSandbox: true}
          workflow:
            maxConcurrentWorkflowInvocations: 100
            maxConcurrentActivityInvocations: 1000
            globalMaxConcurrentWorkflowInvocations: 10
            globalMaxConcurrentActivityInvocations: 20
            workflowConcurrencyLimits: [{name: w, maxConcurrent: 3}]
            activityConcurrencyLimits: [{name: a, maxConcurrent: 4}]
            stateRetentionPolicy: {anyTerminal: 168h, completed: 0s, failed: 24h, terminated: 1h}
        ---
        apiVersion: dapr.io/v1alpha1
        kind: MCPServer
        metadata:
          name: tools
        spec:
          endpoint:
            streamableHTTP:
              url: https://mcp.example.com/mcp
              protocolVersion: "2025-06-18"
              timeout: 30s
              headers: [{name: X-Key, secretKeyRef: {name: k, key: k}}]
              auth:
                secretStore: kubernetes
                oauth2: {issuer: "https://idp/token", audience: mcp, clientID: c, scopes: [a, b], secretKeyRef: {name: s, key: k}}
                spiffe: {jwt: {header: Authorization, headerValuePrefix: "Bearer ", audience: mcp}}
          ignoreErrors: true
          catalog: {displayName: Tools, description: d, owner: {team: t, contact: c}, tags: [x], links: {runbook: "https://r"}}
          middleware:
            beforeCallTool: [{workflow: {workflowName: check, appID: guard}, mutate: true}]
            afterCallTool: [{workflow: {workflowName: audit}}]
            beforeListTools: [{workflow: {workflowName: check}}]
            afterListTools: [{workflow: {workflowName: filter}, mutate: true}]
        scopes: [agent]
        ---
        apiVersion: dapr.io/v1alpha1
        kind: WorkflowAccessPolicy
        metadata:
          name: policy
        spec:
          rules:
          - callers: [{appID: web}]
            workflows:
            - {name: "order-*", operations: [schedule, get, terminate]}
            - name: refund
              operations: [schedule]
              requires: [{eventType: workflow.completed, name: order, appID: shop}]
            activities:
            - {name: charge, requires: [{eventType: activity.completed, name: reserve, appID: shop}]}
        scopes: [shop]
        """;
}
