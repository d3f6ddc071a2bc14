{{/*
How many pods a Deployment has.
*/}}
{{- define "dapr.replicas" -}}
{{- if include "dapr.on" .Values.global.ha.enabled -}}
{{ include "dapr.text" .Values.global.ha.replicaCount }}
{{- else -}}
{{ include "dapr.text" .Values.replicaCount }}
{{- end -}}
{{- end -}}

{{/*
Labels and annotations of a pod template: (list $ <app> <control-plane component> <own annotations>).
*/}}
{{- define "dapr.podMetadata" -}}
{{- $ := index . 0 -}}
labels:
  {{- include "dapr.podLabels" (list $ (index . 1)) | nindent 2 }}
annotations:
  dapr.io/control-plane: {{ index . 2 }}
  {{- with include "dapr.prometheusAnnotations" $ }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with index . 3 }}
  {{- include "dapr.texts" . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/*
Liveness and readiness: (list $ <port>). A process under a debugger is not judged for hours.
*/}}
{{- define "dapr.probes" -}}
{{- $values := (index . 0).Values -}}
{{- $port := include "dapr.text" (index . 1) -}}
{{- range $name := list "livenessProbe" "readinessProbe" }}
{{- $probe := index $values $name }}
{{ $name }}:
  httpGet:
    path: /healthz
    port: {{ $port }}
  initialDelaySeconds: {{ include "dapr.text" (include "dapr.on" $values.debug.enabled | eq "true" | ternary $values.debug.initialDelaySeconds $probe.initialDelaySeconds) }}
  periodSeconds: {{ include "dapr.text" $probe.periodSeconds }}
  failureThreshold: {{ include "dapr.text" $probe.failureThreshold }}
{{- end -}}
{{- end -}}

{{/*
The security context of a main container: (list $ <user rule>), where the rule is a line such as "runAsNonRoot: true".
*/}}
{{- define "dapr.securityContext" -}}
{{- $ := index . 0 -}}
{{- if eq $.Values.global.daprControlPlaneOs "linux" -}}
securityContext:
  {{ index . 1 }}
  allowPrivilegeEscalation: false
  {{- if include "dapr.on" ($.Values.debug).enabled }}
  capabilities:
    add: [SYS_PTRACE]
  {{- else }}
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
  {{- end }}
  {{- with $.Values.global.seccompProfile }}
  seccompProfile:
    type: {{ . }}
  {{- end }}
{{- end -}}
{{- end -}}

{{/*
--log-as-json, where it is wanted.
*/}}
{{- define "dapr.logFormatArgs" -}}
{{- if include "dapr.on" .Values.global.logAsJson -}}
- "--log-as-json"
{{- end -}}
{{- end -}}

{{/*
Whether and where metrics are served.
*/}}
{{- define "dapr.metricsArgs" -}}
{{- if include "dapr.on" .Values.global.prometheus.enabled -}}
- "--enable-metrics"
- "--metrics-port"
- {{ include "dapr.text" .Values.global.prometheus.port | quote }}
{{- else -}}
- "--enable-metrics=false"
{{- end -}}
{{- end -}}

{{/*
How placement and scheduler get their identity.
*/}}
{{- define "dapr.identityArgs" -}}
- "--tls-enabled"
- {{ printf "--trust-domain=%s" .Values.global.mtls.controlPlaneTrustDomain | quote }}
- "--trust-anchors-file=/var/run/secrets/dapr.io/tls/ca.crt"
- {{ printf "--sentry-address=%s" (include "dapr.sentryAddress" .) | quote }}
- "--mode=kubernetes"
{{- end -}}

{{/*
A variable with a field of the pod: (list <name> <path>).
*/}}
{{- define "dapr.fieldEnv" -}}
- name: {{ index . 0 }}
  valueFrom:
    fieldRef:
      fieldPath: {{ index . 1 }}
{{- end -}}

{{/*
The user's own variables.
*/}}
{{- define "dapr.extraEnv" -}}
{{- range $name, $value := .Values.extraEnvVars }}
- name: {{ $name | quote }}
  value: {{ include "dapr.text" $value | quote }}
{{- end -}}
{{- end -}}

{{/*
Ports for metrics and for a debugger.
*/}}
{{- define "dapr.extraPorts" -}}
{{- if include "dapr.on" .Values.global.prometheus.enabled }}
- name: metrics
  containerPort: {{ include "dapr.text" .Values.global.prometheus.port }}
  protocol: TCP
{{- end }}
{{- if include "dapr.on" .Values.debug.enabled }}
- name: debug
  containerPort: {{ include "dapr.text" .Values.debug.port }}
  protocol: TCP
{{- end }}
{{- end -}}

{{/*
Mounts of the trust anchors and of the token that sentry takes.
*/}}
{{- define "dapr.identityMounts" -}}
- name: dapr-trust-bundle
  mountPath: /var/run/secrets/dapr.io/tls
  readOnly: true
{{- if include "dapr.on" .Values.global.mtls.mountSentryVolume }}
- name: dapr-identity-token
  mountPath: /var/run/secrets/dapr.io/sentrytoken
  readOnly: true
{{- end }}
{{- end -}}

{{/*
The volumes of those mounts.
*/}}
{{- define "dapr.identityVolumes" -}}
- name: dapr-trust-bundle
  configMap:
    name: dapr-trust-bundle
{{- if include "dapr.on" .Values.global.mtls.mountSentryVolume }}
- name: dapr-identity-token
  projected:
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: 600
          audience: {{ printf "spiffe://%s/ns/%s/dapr-sentry" .Values.global.mtls.controlPlaneTrustDomain .Release.Namespace | quote }}
{{- end }}
{{- end -}}

{{/*
What is listed for one component under a key of `global`, such as extraVolumes: (list $ <key> <component>).
*/}}
{{- define "dapr.extra" -}}
{{- with index (index (index . 0).Values.global (index . 1) | default dict) (index . 2) -}}
{{- toYaml . -}}
{{- end -}}
{{- end -}}

{{/*
Affinity: (list $ <app> <policy>). Without a policy pods may share a zone.
*/}}
{{- define "dapr.affinity" -}}
{{- $global := (index . 0).Values.global -}}
{{- $app := index . 1 -}}
{{- $policy := index . 2 -}}
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms:
        - matchExpressions:
            - key: kubernetes.io/os
              operator: In
              values: [{{ $global.daprControlPlaneOs }}]
            {{- with $global.daprControlPlaneArch }}
            - key: kubernetes.io/arch
              operator: In
              values: [{{ . }}]
            {{- end }}
  {{- if eq $policy "requiredDuringSchedulingIgnoredDuringExecution" }}
  podAntiAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      - labelSelector:
          matchExpressions:
            - key: app
              operator: In
              values: [{{ $app }}]
        topologyKey: {{ $global.ha.topologyKey }}
  {{- else if $policy }}
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          labelSelector:
            matchExpressions:
              - key: app
                operator: In
                values: [{{ $app }}]
          topologyKey: {{ $global.ha.topologyKey }}
  {{- end }}
{{- end -}}

{{/*
The anti-affinity of a Deployment: spread, but never unschedulable.
*/}}
{{- define "dapr.deploymentAntiAffinity" -}}
{{- if include "dapr.on" .Values.global.ha.enabled }}preferredDuringSchedulingIgnoredDuringExecution{{ end -}}
{{- end -}}

{{/*
Where images may be pulled from and where pods may run.
*/}}
{{- define "dapr.scheduling" -}}
{{- with .Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- if kindIs "string" . }}
  - name: {{ . }}
  {{- else }}
  {{- range . }}
  - name: {{ kindIs "map" . | ternary (dig "name" "" (kindIs "map" . | ternary . dict)) . }}
  {{- end }}
  {{- end }}
{{- end }}
{{- with .Values.global.nodeSelector }}
nodeSelector:
  {{- include "dapr.texts" . | nindent 2 }}
{{- end }}
{{- with .Values.global.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.global.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}
