{{/*
Flags of the JWT issuer, each only if its value is set.
*/}}
{{- define "dapr_sentry.jwtArgs" -}}
{{- with .Values.jwt }}
{{- if include "dapr.on" .enabled }}
- "--jwt-enabled=true"
{{- with .keyFilename }}
- {{ printf "--jwt-key-filename=%s" . | quote }}
{{- end }}
{{- with .jwksFilename }}
- {{ printf "--jwks-filename=%s" . | quote }}
{{- end }}
{{- with .issuer }}
- {{ printf "--jwt-issuer=%s" . | quote }}
{{- end }}
{{- with .signingAlgorithm }}
- {{ printf "--jwt-signing-algorithm=%s" . | quote }}
{{- end }}
{{- with .keyID }}
- {{ printf "--jwt-key-id=%s" (include "dapr.text" .) | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/*
Flags of the OIDC server. TLS is on by default in sentry too, so that off has to be said.
*/}}
{{- define "dapr_sentry.oidcArgs" -}}
{{- with .Values.oidc }}
{{- if include "dapr.on" .enabled }}
- "--oidc-enabled=true"
- "--oidc-server-listen-address=0.0.0.0"
{{- with .jwksURI }}
- {{ printf "--oidc-jwks-uri=%s" . | quote }}
{{- end }}
{{- with .pathPrefix }}
- {{ printf "--oidc-path-prefix=%s" . | quote }}
{{- end }}
{{- with .allowedHosts }}
- {{ printf "--oidc-allowed-hosts=%s" (join "," .) | quote }}
{{- end }}
{{- with .tls.certFile }}
- {{ printf "--oidc-server-tls-cert-file=%s" . | quote }}
{{- end }}
{{- with .tls.keyFile }}
- {{ printf "--oidc-server-tls-key-file=%s" . | quote }}
{{- end }}
- {{ printf "--oidc-server-tls-enabled=%s" (include "dapr.on" .tls.enabled | default "false") | quote }}
{{- end }}
{{- end }}
{{- end -}}
