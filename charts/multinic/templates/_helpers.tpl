{{/*
Names are fixed: the product is one per cluster, since its objects and the nodes' NICs are. A second release fails
with helm's own words about whom these belong to, instead of fighting with the first.
*/}}

{{/* Labels and annotations of an object. Argument: dict with root, component, and of its own labels, annotations. */}}
{{- define "multinic.metadata" -}}
labels: {{- include "multinic.labels" . | nindent 2 }}
{{- with include "multinic.present" (merge (dict) (.annotations | default dict) (.root.Values.commonAnnotations | default dict)) | trim }}
annotations: {{- . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Labels of everything. Argument: dict with root, component, and of its own labels. */}}
{{- define "multinic.labels" -}}
{{ include "multinic.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/part-of: multinic
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with include "multinic.present" (merge (dict) (.labels | default dict) (.root.Values.commonLabels | default dict)) | trim }}
{{ . }}
{{- end }}
{{- end }}

{{/* Labels that find the pods; they can never change. */}}
{{- define "multinic.selectorLabels" -}}
app.kubernetes.io/name: multinic-{{ .component }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{/* Whether the admission policies are there: something or nothing. */}}
{{- define "multinic.hasAdmissionPolicies" -}}
{{- if and .Values.admissionPolicy.enabled (semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version) -}}
yes
{{- end -}}
{{- end }}

{{/* A map of the values without the keys that somebody took out by null. */}}
{{- define "multinic.present" -}}
{{- range $key, $value := . }}
{{- if not (kindIs "invalid" $value) }}
{{ $key }}: {{ $value | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* Argument: dict with container, the one that kubectl means, and annotations of the values. */}}
{{- define "multinic.podAnnotations" -}}
{{- include "multinic.present" (merge (dict) (.annotations | default dict) (dict "kubectl.kubernetes.io/default-container" .container)) | trim }}
{{- end }}

{{/* What agent and operator may do with their own container: nothing. The agent adds what it needs. */}}
{{- define "multinic.restricted" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
{{- end }}

{{/* Pod and container parts that operator and helm test share: the settings, with the password as a file. */}}
{{- define "multinic.operatorEnv" -}}
- name: DB_HOST
  value: {{ required "database.host is required: the host name or address of the MariaDB server (--set database.host=…)" .Values.database.host | quote }}
- name: DB_PORT
  value: {{ .Values.database.port | int | quote }}
- name: DB_NAME
  value: {{ .Values.database.name | quote }}
- name: DB_USER
  value: {{ .Values.database.user | quote }}
- name: DB_PASSWORD_FILE
  value: /etc/multinic/database/password
{{- with .Values.database.statusTable }}
- name: DB_STATUS_TABLE
  value: {{ . | quote }}
{{- end }}
- name: DB_SOFT_DELETE
  value: {{ .Values.database.softDelete | quote }}
- name: DB_SSL_MODE
  value: {{ .Values.database.tls.mode }}
{{- if .Values.database.tls.caConfigMap }}
- name: DB_SSL_CA
  value: /etc/multinic/database-ca/ca.crt
{{- end }}
- name: POLL_INTERVAL
  value: {{ printf "%s..%s" .Values.operator.busyInterval .Values.agent.pollInterval | quote }}
- name: REMOVAL_GRACE
  value: {{ .Values.operator.removalGrace | quote }}
- name: MAX_INTERFACES
  value: {{ .Values.operator.maxInterfaces | quote }}
- name: LOG_LEVEL
  value: {{ .Values.agent.logLevel | quote }}
- name: LOG_FORMAT
  value: {{ .Values.agent.logFormat }}
# For `multinic-operator check`, which can also be run in the operator's own pod.
- name: AGENT_PORT
  value: {{ .Values.agent.port | int | quote }}
- name: NODE_SELECTOR
  value: {{ include "multinic.agentNodes" . | quote }}
{{- end }}

{{/* What is said of addresses and routes; what is left empty of it is left to the Nodes. */}}
{{- define "multinic.networking" -}}
{{- $networking := .Values.networking }}
{{- if kindIs "string" $networking.sourceRouting }}
{{- $networking = omit $networking "sourceRouting" }}
{{- end }}
{{- if not $networking.addressing }}
{{- $networking = omit $networking "addressing" }}
{{- end }}
{{- toJson $networking }}
{{- end }}

{{/* The port of the dashboard where it can be reached from outside of its pod; nothing elsewhere. */}}
{{- define "multinic.dashboardPort" -}}
{{- $listen := .Values.operator.dashboard.listen | default "off" -}}
{{- if not (regexMatch "^(off|127\\..*|\\[::1\\]:.*)$" $listen) -}}
{{- $port := regexFind "[0-9]+$" $listen -}}
{{- if eq $port (.Values.operator.port | int | toString) -}}
{{- fail "operator.dashboard.listen has the port of operator.port: choose another one" -}}
{{- end -}}
{{- $port -}}
{{- end -}}
{{- end }}

{{- define "multinic.operatorMounts" -}}
{{- with .Values.operator.extraVolumeMounts }}
{{- toYaml . }}
{{ end -}}
- name: database
  mountPath: /etc/multinic/database
  readOnly: true
{{- if .Values.database.tls.caConfigMap }}
- name: database-ca
  mountPath: /etc/multinic/database-ca
  readOnly: true
{{- end }}
{{- end }}

{{- define "multinic.operatorVolumes" -}}
{{- with .Values.operator.extraVolumes }}
{{- toYaml . }}
{{ end -}}
- name: database
  secret:
    secretName: {{ .Values.database.existingSecret | default "multinic-database" }}
    # Readable for the group that the pod runs as, and nobody else.
    defaultMode: 0440
    items:
      - key: {{ empty .Values.database.existingSecret | ternary "password" .Values.database.existingSecretKey }}
        path: password
{{- if .Values.database.tls.caConfigMap }}
- name: database-ca
  configMap:
    name: {{ .Values.database.tls.caConfigMap }}
    items:
      - key: {{ .Values.database.tls.caConfigMapKey }}
        path: ca.crt
{{- end }}
{{- end }}

{{/* A user without a name or rights anywhere. */}}
{{- define "multinic.operatorPodSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
# The password's file belongs to this group.
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* A ServiceAccount, its ClusterRole from a file of rules, and what binds them. Argument: dict with root, component. */}}
{{- define "multinic.access" -}}
{{- $metadata := include "multinic.metadata" . | nindent 2 -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: multinic-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  {{- include "multinic.metadata" (merge (dict "annotations" .root.Values.serviceAccount.annotations) .) | nindent 2 }}
# The pods ask for their token themselves.
automountServiceAccountToken: false
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: multinic-{{ .component }}
  {{- $metadata }}
rules:
{{ .root.Files.Get (printf "files/%s-rules.yaml" .component) }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: multinic-{{ .component }}
  {{- $metadata }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: multinic-{{ .component }}
subjects:
  - kind: ServiceAccount
    name: multinic-{{ .component }}
    namespace: {{ .root.Release.Namespace }}
{{- end }}

{{/*
What the agent sees of the host, below /host. Not all of "/": an agent that somebody else has taken over must find
neither keys nor other pods' tokens there, and a mount of "/" would keep every volume of every pod in use, so that
OpenStack could not detach it.
*/}}
{{- define "multinic.hostPaths" -}}
- name: usr
  path: /usr
  type: Directory
  why: The netplan generator and its libraries, and the networkd files that the distribution ships.
- name: lib
  path: /lib
  type: Directory
  why: The same where /lib is not in /usr, and the loader.
- name: etc-systemd
  path: /etc/systemd
  type: Directory
  why: NICs that networkd files of the administrator configure are left alone.
- name: etc-network
  path: /etc/network
  type: DirectoryOrCreate
  why: So are those that ifupdown configures.
- name: run-network
  path: /run/network
  type: DirectoryOrCreate
  why: Of ifupdown's files too, those that images make at boot.
- name: etc-networkmanager
  path: /etc/NetworkManager/system-connections
  type: DirectoryOrCreate
  writableWith: [networkmanager]
  why: So are those that NetworkManager has a connection for. Not its whole directory, which may hold keys of VPNs.
- name: run-networkmanager
  path: /run/NetworkManager/system-connections
  type: DirectoryOrCreate
  why: The same of the connections that it has until the next boot.
- name: run-netplan
  path: /run/netplan
  type: DirectoryOrCreate
  why: And those of netplan files that are there until the next boot.
- name: run-systemd-netif
  path: /run/systemd/netif
  type: DirectoryOrCreate
  why: Whether networkd runs. Not /run/systemd, where the socket lies over which root commands systemd.
- name: etc-netplan
  path: /etc/netplan
  type: DirectoryOrCreate
  writable: true
  why: "Written: the files by which the NICs are there after a reboot, before any agent."
- name: run-systemd-network
  path: /run/systemd/network
  type: DirectoryOrCreate
  writable: true
  why: "Written: what networkd was told at boot about a NIC that is given back is removed."
- name: etc-systemd-network
  path: /etc/systemd/network
  type: DirectoryOrCreate
  writable: true
  backends: [networkd, networkmanager]
  why: "Written: what /etc/netplan is for, where networkd is told without netplan; for NetworkManager, the NICs' names."
- name: run-networkmanager-devices
  path: /run/NetworkManager/devices
  type: DirectoryOrCreate
  backends: [networkd, networkmanager, wicked]
  why: Whether NetworkManager runs.
- name: etc-sysconfig
  path: /etc/sysconfig
  type: DirectoryOrCreate
  writableWith: [wicked]
  backends: [networkmanager, wicked]
  why: NICs that ifcfg files configure are left alone; for wicked, the same files of our NICs are written.
- name: etc-wicked
  path: /etc/wicked
  type: DirectoryOrCreate
  backends: [wicked]
  why: What wicked's own program reads first, or it tells nobody anything.
- name: etc-udev-rules
  path: /etc/udev/rules.d
  type: DirectoryOrCreate
  writable: true
  backends: [wicked]
  why: "Written: the NICs' names."
- name: run-wicked
  path: /run/wicked
  type: DirectoryOrCreate
  backends: [networkd, networkmanager, wicked]
  why: Whether wicked runs.
- name: run-dbus
  path: /run/dbus
  type: DirectoryOrCreate
  backends: [networkmanager, wicked]
  why: The bus over which NetworkManager or wicked is told that a NIC is about to change. Root may ask systemd for anything over it.
- name: var-lib-multinic
  path: /var/lib/multinic
  type: DirectoryOrCreate
  writable: true
  why: "Written: which NICs are ours, and how they were found; what was last wanted of them, how often that failed, and files of the Go agent that ours replaced."
- name: run-multinic
  path: /run/multinic
  type: DirectoryOrCreate
  writable: true
  why: "Written: the lock that lets one agent act at a time, and the files that the generator checks."
- name: proc-random
  path: /proc/sys/kernel/random
  type: Directory
  why: Which boot the node is in. The pod's own /proc tells that of another machine where the node is a container.
- name: proc-sys-net
  path: /proc/sys/net
  type: Directory
  writable: true
  why: "Written: per NIC, that the kernel gives it no IPv6 address by itself. The pod's own /proc/sys is read-only."
{{- end }}

{{- /* Those of them that the chosen backends need. */}}
{{- define "multinic.mounts" -}}
{{- $chosen := .Values.agent.backends }}
{{- $mounts := list }}
{{- range $mount := include "multinic.hostPaths" . | fromYamlArray }}
{{- $needed := not $mount.backends }}
{{- range $mount.backends }}
{{- $needed = or $needed (has . $chosen) }}
{{- end }}
{{- range $mount.writableWith }}
{{- if has . $chosen }}
{{- $_ := set $mount "writable" true }}
{{- end }}
{{- end }}
{{- if $needed }}
{{- $mounts = append $mounts $mount }}
{{- end }}
{{- end }}
{{- toYaml $mounts }}
{{- end }}
