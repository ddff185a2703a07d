{{/* How a pod's metrics are collected. Argument: the values of the monitor. */}}
{{- define "multinic.endpoint" -}}
port: health
path: /metrics
# The operator has series that name other Nodes than the one that it runs on.
honorLabels: true
interval: {{ .interval }}
{{- with .scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
relabelings:
  # An alert must say which node it is about.
  - sourceLabels: [__meta_kubernetes_pod_node_name]
    targetLabel: node
  {{- with .relabelings }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .metricRelabelings }}
metricRelabelings: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The metadata of what is about metrics. Argument: dict with root, values, and perhaps name. */}}
{{- define "multinic.metricsMetadata" -}}
name: {{ .name | default "multinic" }}
namespace: {{ .values.namespace | default .root.Release.Namespace }}
{{ include "multinic.metadata" (dict "root" .root "component" "metrics" "labels" .values.labels "annotations" .values.annotations) }}
{{- end }}

{{/* Which pods, or Services, are meant, wherever the monitor itself is. */}}
{{- define "multinic.monitored" -}}
# `multinic-agent` and `multinic-operator`, which the alerts know them by.
jobLabel: app.kubernetes.io/name
namespaceSelector:
  matchNames: [{{ .Release.Namespace }}]
selector:
  matchLabels:
    app.kubernetes.io/instance: {{ .Release.Name }}
  matchExpressions:
    - {key: app.kubernetes.io/name, operator: In, values: [multinic-agent, multinic-operator]}
{{- end }}
