{{/*
What the operator may do in every namespace that it serves.
*/}}
{{- define "dapr_rbac.operatorRules" -}}
{{- $kinds := list "components" "configurations" "subscriptions" "resiliencies" "httpendpoints" "mcpservers" "workflowaccesspolicies" -}}
- apiGroups: [apiextensions.k8s.io]
  resources: [customresourcedefinitions]
  verbs: [get, patch]
- apiGroups: [apps]
  resources: [deployments, deployments/finalizers, statefulsets, statefulsets/finalizers]
  verbs: [get, list, watch]
- apiGroups: [apps]
  resources: [deployments/finalizers, statefulsets/finalizers]
  verbs: [update]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, delete, watch{{ if include "dapr.on" .Values.global.operator.watchdogCanPatchPodLabels }}, patch{{ end }}]
- apiGroups: [""]
  resources: [services, services/finalizers]
  verbs: [get, list, watch, update, create]
- apiGroups: [""]
  resources: [services]
  verbs: [delete]
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch]
- apiGroups: [dapr.io]
  resources: [{{ join ", " $kinds }}]
  verbs: [get, list, watch]
# What sidecars report about resources goes into their status, failures into events beside them.
- apiGroups: [dapr.io]
  resources: [{{ range $i, $kind := $kinds }}{{ if $i }}, {{ end }}{{ $kind }}/status{{ end }}]
  verbs: [patch]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- if include "dapr.on" .Values.global.argoRolloutServiceReconciler.enabled }}
- apiGroups: [argoproj.io]
  resources: [rollouts]
  verbs: [get, list, watch, delete]
- apiGroups: [argoproj.io]
  resources: [rollouts/finalizers]
  verbs: [update]
{{- end }}
{{- end -}}
