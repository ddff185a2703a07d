{{/* What the pods have in common: images, the nodes they may run on, variables. */}}

{{- define "multinic.agentImage" -}}
{{ include "multinic.image" (dict "root" . "repository" .Values.image.repository "digest" .Values.image.digest) }}
{{- end }}

{{- define "multinic.operatorImage" -}}
{{- $repository := .Values.operator.image.repository -}}
{{- if not $repository -}}
{{- if not (hasSuffix "-agent" .Values.image.repository) -}}
{{- fail (printf "image.repository %q does not end in -agent, so the operator's image cannot be named after it: set operator.image.repository" .Values.image.repository) -}}
{{- end -}}
{{- $repository = printf "%s-operator" (trimSuffix "-agent" .Values.image.repository) -}}
{{- end -}}
{{ include "multinic.image" (dict "root" . "repository" $repository "digest" .Values.operator.image.digest) }}
{{- end }}

{{/* Argument: dict with root, repository, digest. Where there is a digest, the tag only tells people which version that is. */}}
{{- define "multinic.image" -}}
{{- with .root.Values.image.registry }}{{ . }}/{{ end -}}
{{ .repository }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- with .digest }}@{{ . }}{{ end -}}
{{- end }}

{{/* A nodeSelector. There is no image for other systems. Argument: what the values say. */}}
{{- define "multinic.nodeSelector" -}}
{{- toYaml (merge (dict) (include "multinic.present" . | fromYaml) (dict "kubernetes.io/os" "linux")) }}
{{- end }}

{{/* The same nodes as the agent's nodeSelector and affinity, in the words in which the API server is asked for Nodes. */}}
{{- define "multinic.agentNodes" -}}
{{- $rules := list }}
{{- range $label, $value := include "multinic.nodeSelector" .Values.nodeSelector | fromYaml }}
{{- $rules = append $rules (printf "%s=%s" $label $value) }}
{{- end }}
{{- range .Values.agent.affinity | default dict | dig "nodeAffinity" "requiredDuringSchedulingIgnoredDuringExecution" "nodeSelectorTerms" list }}
{{- range .matchExpressions }}
{{- if eq .operator "Exists" }}
{{- $rules = append $rules .key }}
{{- else if eq .operator "DoesNotExist" }}
{{- $rules = append $rules (printf "!%s" .key) }}
{{- else }}
{{- $rules = append $rules (printf "%s %s (%s)" .key (lower .operator) (join "," .values)) }}
{{- end }}
{{- end }}
{{- end }}
{{- join "," $rules }}
{{- end }}

{{/*
Environment variables of a container, further ones last. Argument: dict with own (YAML, indented as it stands there), extra, value. A
name that is there twice is refused: server-side apply takes no such list.
*/}}
{{- define "multinic.env" -}}
{{- .own }}
{{- $taken := list }}
{{- range fromYamlArray .own }}
{{- $taken = append $taken .name }}
{{- end }}
{{- range .extra }}
{{- if has .name $taken }}
{{- fail (printf "%s: the variable %s is there already" $.value .name) }}
{{- end }}
{{- $taken = append $taken .name }}
{{- end }}
{{- with .extra }}
{{- toYaml . | nindent 12 }}
{{- end }}
{{- end }}
