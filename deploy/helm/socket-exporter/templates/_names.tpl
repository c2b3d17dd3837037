{{- define "socket-exporter.name" -}}
{{- $name := .Values.fullnameOverride | default (contains "socket-exporter" .Release.Name | ternary .Release.Name (printf "%s-socket-exporter" .Release.Name)) }}
{{- $name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* The first is also the label `job` of the metrics, which the alerts ask for: it never changes. */}}
{{- define "socket-exporter.selector" -}}
app.kubernetes.io/name: socket-exporter
app.kubernetes.io/instance: {{ quote .Release.Name }}
{{- end }}

{{- define "socket-exporter.labels" -}}
{{ include "socket-exporter.selector" . }}
app.kubernetes.io/part-of: socket-exporter
app.kubernetes.io/version: {{ quote .Chart.AppVersion }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "socket-exporter.serviceAccount" -}}
{{- with .Values.serviceAccount }}
{{- .name | default (.create | ternary (include "socket-exporter.name" $) "default") }}
{{- end }}
{{- end }}
