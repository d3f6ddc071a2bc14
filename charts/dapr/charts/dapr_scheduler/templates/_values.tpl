{{/*
The size of the disks. Claim templates can't be changed, so that an existing StatefulSet keeps what it has.
*/}}
{{- define "dapr_scheduler.storageSize" -}}
{{- $size := .Values.cluster.storageSize -}}
{{- $existing := lookup "apps/v1" "StatefulSet" .Release.Namespace "dapr-scheduler-server" | default dict -}}
{{- range dig "spec" "volumeClaimTemplates" list $existing -}}
{{- if eq .metadata.name "dapr-scheduler-data-dir" -}}
{{- $size = .spec.resources.requests.storage -}}
{{- end -}}
{{- end -}}
{{- $size -}}
{{- end -}}

{{- define "dapr_scheduler.dataPath" -}}
{{- eq .Values.global.daprControlPlaneOs "windows" | ternary (replace "\\\\" "\\" .Values.cluster.etcdDataDirWinPath) .Values.cluster.etcdDataDirPath -}}
{{- end -}}

{{/*
The members of the cluster, each with its address.
*/}}
{{- define "dapr_scheduler.members" -}}
{{- $members := list -}}
{{- range $i := until 3 -}}
{{- $members = append $members (printf "dapr-scheduler-server-%d=https://dapr-scheduler-server-%d.dapr-scheduler-server.%s.svc%s:%s" $i $i $.Release.Namespace $.Values.global.dnsSuffix (include "dapr.text" $.Values.ports.etcdGRPCPeerPort)) -}}
{{- end -}}
{{- join "," $members -}}
{{- end -}}

{{/*
A flag and its value in one argument: (list <flag> <value>).
*/}}
{{- define "dapr_scheduler.arg" -}}
- {{ printf "--%s=%s" (index . 0) (include "dapr.text" (index . 1)) | quote }}
{{- end -}}
