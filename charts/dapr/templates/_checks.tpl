{{/*
Refuses a pod anti-affinity policy that Kubernetes doesn't know.
*/}}
{{- define "dapr.checkAntiAffinityPolicy" -}}
{{- if not (has .Values.global.ha.podAntiAffinityPolicy (list "preferredDuringSchedulingIgnoredDuringExecution" "requiredDuringSchedulingIgnoredDuringExecution")) -}}
{{- fail "global.ha.podAntiAffinityPolicy must be either 'preferredDuringSchedulingIgnoredDuringExecution' or 'requiredDuringSchedulingIgnoredDuringExecution'" -}}
{{- end -}}
{{- end -}}

{{/*
Refuses unknown keys right under `global`. As part of another chart, `global` holds that chart's keys too, so that the schema can't do it.
*/}}
{{- define "dapr.checkGlobalKeys" -}}
{{- if .Chart.IsRoot -}}
{{- $known := list "registry" "tag" "dnsSuffix" "logAsJson" "imagePullPolicy" "imagePullSecrets" "priorityClassName" "nodeSelector" "tolerations" "rbac" "ha" "prometheus" "mtls" "extraVolumes" "extraVolumeMounts" "extraContainers" "initContainers" "actors" "reminders" "scheduler" "daprControlPlaneOs" "daprControlPlaneArch" "labels" "seccompProfile" "k8sLabels" "issuerFilenames" "argoRolloutServiceReconciler" "operator" -}}
{{- range $key, $value := .Values.global -}}
{{- if not (has $key $known) -}}
{{- fail (printf "global.%s is not a value of this chart; those under global are: %s" $key (join ", " (sortAlpha $known))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
