{{/*
A scalar as text. Whole numbers are written without an exponent, which Helm's floats have from a million on; null is empty.
*/}}
{{- define "dapr.text" -}}
{{- if kindIs "float64" . -}}
{{- if eq (floor .) . }}{{ int64 . }}{{ else }}{{ . }}{{ end -}}
{{- else if not (kindIs "invalid" .) -}}
{{ . }}
{{- end -}}
{{- end -}}

{{/*
Annotations, labels and the like: values that --set reads as numbers or switches are the texts that the API server wants.
*/}}
{{- define "dapr.texts" -}}
{{- $texts := dict -}}
{{- range $key, $value := . -}}
{{- $_ := set $texts $key (include "dapr.text" $value) -}}
{{- end -}}
{{- toYaml $texts -}}
{{- end -}}

{{/*
"true" or nothing. A switch may be given as a boolean or, with --set-string, as its text.
*/}}
{{- define "dapr.on" -}}
{{- if eq (toString .) "true" }}true{{ end -}}
{{- end -}}

{{/*
An image by its name: (list $ <name>). A name with a slash is the whole reference.
*/}}
{{- define "dapr.image" -}}
{{- $global := (index . 0).Values.global -}}
{{- $name := index . 1 -}}
{{- if contains "/" $name -}}
{{ $name | quote }}
{{- else -}}
{{ printf "%s/%s:%s" $global.registry $name (include "dapr.text" $global.tag) | quote }}
{{- end -}}
{{- end -}}

{{/*
Where sentry is. The domain is a literal: processes of the control plane ask for this name whatever the cluster's own domain is.
*/}}
{{- define "dapr.sentryAddress" -}}
{{- .Values.global.mtls.sentryAddress | default (printf "dapr-sentry.%s.svc.cluster.local:443" .Release.Namespace) -}}
{{- end -}}

{{/*
"true" if placement is part of the release.
*/}}
{{- define "dapr.placement" -}}
{{- $actors := .Values.global.actors -}}
{{- if and (include "dapr.on" $actors.available) (include "dapr.on" $actors.enabled) (eq $actors.serviceName "placement") }}true{{ end -}}
{{- end -}}

{{/*
"true" if the scheduler is part of the release.
*/}}
{{- define "dapr.scheduler" -}}
{{- $scheduler := .Values.global.scheduler -}}
{{- if and (include "dapr.on" $scheduler.available) (include "dapr.on" $scheduler.enabled) }}true{{ end -}}
{{- end -}}

{{/*
"true" if sidecars are to use actors: with placement only where it is part of the release, with another service always.
*/}}
{{- define "dapr.actors" -}}
{{- $actors := .Values.global.actors -}}
{{- if and (include "dapr.on" $actors.enabled) (or (ne $actors.serviceName "placement") (include "dapr.on" $actors.available)) }}true{{ end -}}
{{- end -}}

{{/*
The services that global.actors.serviceName and global.reminders.serviceName can name.
*/}}
{{- define "address.placement" -}}dapr-placement-server:50005{{- end -}}
{{- define "address.scheduler" -}}dapr-scheduler-server:50006{{- end -}}
