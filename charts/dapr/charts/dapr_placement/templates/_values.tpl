{{/*
"true" for a cluster of three.
*/}}
{{- define "dapr_placement.ha" -}}
{{- if or (include "dapr.on" .Values.global.ha.enabled) (include "dapr.on" .Values.ha) }}true{{ end -}}
{{- end -}}

{{/*
"true" where the Raft log is on a disk.
*/}}
{{- define "dapr_placement.persistent" -}}
{{- if and (include "dapr_placement.ha" .) (not (include "dapr.on" .Values.cluster.forceInMemoryLog)) }}true{{ end -}}
{{- end -}}

{{- define "dapr_placement.logPath" -}}
{{- eq .Values.global.daprControlPlaneOs "windows" | ternary (replace "\\\\" "\\" .Values.cluster.logStoreWinPath) .Values.cluster.logStorePath -}}
{{- end -}}

{{/*
The members of the cluster, each with its address.
*/}}
{{- define "dapr_placement.members" -}}
{{- $members := list -}}
{{- range $i := until 3 -}}
{{- $members = append $members (printf "dapr-placement-server-%d=dapr-placement-server-%d.dapr-placement-server.%s.svc%s:%s" $i $i $.Release.Namespace $.Values.global.dnsSuffix (include "dapr.text" $.Values.ports.raftRPCPort)) -}}
{{- end -}}
{{- join "," $members -}}
{{- end -}}
