{{/*
A service account: (list $ <key under serviceAccount>). Its name is dapr-<key>.
*/}}
{{- define "dapr_rbac.serviceAccount" -}}
{{- $ := index . 0 -}}
{{- $key := index . 1 -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: dapr-{{ $key }}
  namespace: {{ $.Release.Namespace }}
  {{- with (index $.Values.serviceAccount $key).annotations }}
  annotations:
    {{- include "dapr.texts" . | nindent 4 }}
  {{- end }}
  labels:
    {{- include "dapr.labels" $ | nindent 4 }}
{{- end -}}

{{/*
The head of a Role or ClusterRole: (list $ <kind> <name>).
*/}}
{{- define "dapr_rbac.role" -}}
{{- $ := index . 0 -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ index . 1 }}
metadata:
  name: {{ index . 2 }}
  {{- if eq (index . 1) "Role" }}
  namespace: {{ $.Release.Namespace }}
  {{- end }}
  labels:
    {{- include "dapr.labels" $ | nindent 4 }}
{{- end -}}

{{/*
What binds a role to a service account; it is named as the role: (list $ <Role or ClusterRole> <name> <service account>).
*/}}
{{- define "dapr_rbac.binding" -}}
{{- $ := index . 0 -}}
{{- $kind := index . 1 -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}Binding
metadata:
  name: {{ index . 2 }}
  {{- if eq $kind "Role" }}
  namespace: {{ $.Release.Namespace }}
  {{- end }}
  labels:
    {{- include "dapr.labels" $ | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $kind }}
  name: {{ index . 2 }}
subjects:
  - kind: ServiceAccount
    name: {{ index . 3 }}
    namespace: {{ $.Release.Namespace }}
{{- end -}}

{{/*
"Role" with global.rbac.namespaced, otherwise "ClusterRole".
*/}}
{{- define "dapr_rbac.kind" -}}
{{- include "dapr.on" .Values.global.rbac.namespaced | eq "true" | ternary "Role" "ClusterRole" -}}
{{- end -}}
