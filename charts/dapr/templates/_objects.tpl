{{/*
The labels of every object and pod template. Their values are templates themselves.
*/}}
{{- define "dapr.labels" -}}
{{- $context := . -}}
{{- range $key, $value := .Values.global.k8sLabels }}
{{ $key }}: {{ tpl (include "dapr.text" $value) $context | quote }}
{{- end -}}
{{- end -}}

{{/*
The labels of a pod template, and what a disruption budget selects: (list $ <app>).
*/}}
{{- define "dapr.podLabels" -}}
app: {{ index . 1 }}
{{- include "dapr.labels" (index . 0) }}
{{- with (index . 0).Values.global.labels }}
{{ include "dapr.texts" . }}
{{- end }}
{{- end -}}

{{/*
Annotations that tell Prometheus where to scrape.
*/}}
{{- define "dapr.prometheusAnnotations" -}}
{{- if include "dapr.on" .Values.global.prometheus.enabled -}}
prometheus.io/scrape: "true"
prometheus.io/port: {{ include "dapr.text" .Values.global.prometheus.port | quote }}
prometheus.io/path: "/"
{{- end -}}
{{- end -}}

{{/*
The annotations of a Service that is scraped, with the user's own: (list $ <annotations>). Without any there is no such key.
*/}}
{{- define "dapr.serviceAnnotations" -}}
{{- $prometheus := include "dapr.prometheusAnnotations" (index . 0) -}}
{{- $own := index . 1 -}}
{{- if or $prometheus $own -}}
annotations:
  {{- with $prometheus }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with $own }}
  {{- include "dapr.texts" . | nindent 2 }}
  {{- end }}
{{- end -}}
{{- end -}}

{{/*
The metrics port of a Service.
*/}}
{{- define "dapr.metricsServicePort" -}}
{{- if include "dapr.on" .Values.global.prometheus.enabled -}}
- name: metrics
  port: {{ include "dapr.text" .Values.global.prometheus.port }}
  targetPort: {{ include "dapr.text" .Values.global.prometheus.port }}
  protocol: TCP
  appProtocol: http
{{- end -}}
{{- end -}}

{{/*
A disruption budget: (list $ <name> <app>).
*/}}
{{- define "dapr.disruptionBudget" -}}
{{- $ := index . 0 -}}
{{- $app := index . 2 -}}
apiVersion: {{ if $.Capabilities.APIVersions.Has "policy/v1" }}policy/v1{{ else }}policy/v1beta1{{ end }}
kind: PodDisruptionBudget
metadata:
  name: {{ index . 1 }}
  namespace: {{ $.Release.Namespace }}
  labels:
    app: {{ $app }}
    {{- include "dapr.labels" $ | nindent 4 }}
spec:
  {{- with include "dapr.text" $.Values.global.ha.disruption.minimumAvailable }}
  minAvailable: {{ . }}
  {{- end }}
  {{- with include "dapr.text" $.Values.global.ha.disruption.maximumUnavailable }}
  maxUnavailable: {{ . }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "dapr.podLabels" (list $ $app) | nindent 6 }}
{{- end -}}
