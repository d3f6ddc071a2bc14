{{/*
"true" where the API server knows match conditions, with which a webhook can be asked about annotated pods only.
*/}}
{{- define "dapr_sidecar_injector.matchConditions" -}}
{{- if semverCompare ">=1.28.0-0" .Capabilities.KubeVersion.Version }}true{{ end -}}
{{- end -}}

{{/*
What happens to pods while no injector answers. Unless said otherwise, pods that ask for a sidecar are refused, where no other pod is
touched by that.
*/}}
{{- define "dapr_sidecar_injector.failurePolicy" -}}
{{- .Values.webhookFailurePolicy | default (include "dapr_sidecar_injector.matchConditions" . | eq "true" | ternary "Fail" "Ignore") -}}
{{- end -}}

{{/*
Refuses users that contradict runAsNonRoot.
*/}}
{{- define "dapr_sidecar_injector.checkUser" -}}
{{- $user := include "dapr.text" .Values.sidecarRunAsUser -}}
{{- if include "dapr.on" .Values.sidecarRunAsNonRoot -}}
{{- if and $user (le (int $user) 0) -}}
{{- fail "sidecarRunAsUser must positive when sidecarRunAsNonRoot is true (or default)" -}}
{{- end -}}
{{- else if ne (int $user) 0 -}}
{{- fail "sidecarRunAsUser must be 0 or value ommited when sidecarRunAsNonRoot is false" -}}
{{- end -}}
{{- end -}}

{{/*
A variable with text or a switch: (list <name> <value>).
*/}}
{{- define "dapr_sidecar_injector.env" -}}
- name: {{ index . 0 }}
  value: {{ include "dapr.text" (index . 1) | quote }}
{{- end -}}
