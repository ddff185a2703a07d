#!/usr/bin/env bash
# From a checkout to a running multinic: builds both images, carries them to every node by ssh, installs the chart,
# and asks every pod how it is. Run again, it upgrades, and keeps the values that it is not given. It never takes a NIC
# from a node.
#
#   scripts/deploy.sh [--dry-run]     with --dry-run, says what each step would do, and changes nothing
#
# Environment:
#   NAMESPACE      namespace of the release                                        (multinic-system)
#   RELEASE_NAME   name of the release                      (that of the release that is there, or else multinic)
#   IMAGE_NAME     agent's image, ending in -agent; the operator's in -operator    (multinic-agent)
#   IMAGE_TAG      tag of both                                                     (the chart's appVersion)
#   BUILDER        docker, podman, nerdctl or buildah                              (the first that answers)
#   PLATFORMS      what to build for, such as linux/arm64                          (what the nodes are)
#   SKIP_BUILD     1: build and carry nothing; the images are on the nodes or in a registry
#   NODES          nodes that get the images, separated by spaces                  (all, by InternalIP)
#   SSH_USER       user on the nodes: root, or one with sudo without a password    (ssh's choice)
#   SSH_PORT       port of sshd on the nodes                                       (ssh's choice)
#   SSH_PASSWORD   the user's password; needs sshpass                              (a key, or ssh-agent)
#   SSH_OPTIONS    further options of ssh, such as -i FILE; host keys are checked in any case
#   VALUES_FILE    file with values for the chart
#   DB_HOST, DB_PORT, DB_NAME, DB_USER, DB_PASSWORD    the values database.*
#   HELM_ARGS      further values, such as --set agent.logLevel=debug; split at spaces
#   TIMEOUT        longest wait for a node's images, and for pods                  (5m)
#
# Exit status: 0 done, 1 a step failed, 2 wrong arguments or settings. Needs bash 4.4 or newer, and the tools of GNU or
# busybox.
set -euo pipefail
if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 404)); then
    echo "deploy.sh: this is bash $BASH_VERSION; install bash 4.4 or newer, and run the script with it" >&2
    exit 2
fi
shopt -s inherit_errexit

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
chart=$root/charts/multinic
dry_run=false
pods='app.kubernetes.io/name in (multinic-agent,multinic-operator)'
: "${NAMESPACE:=multinic-system}" "${RELEASE_NAME:=}" "${TIMEOUT:=5m}" "${SKIP_BUILD:=0}"
: "${IMAGE_NAME:=multinic-agent}" "${IMAGE_TAG:=$(sed -n 's/^appVersion: *//p' "$chart/Chart.yaml" | tr -d \"\')}"
: "${PLATFORMS:=}" "${NODES:=}" "${SSH_PASSWORD:=}" "${VALUES_FILE:=}" "${DB_PASSWORD:=}" "${HELM_ARGS:=}"
export IMAGE_NAME IMAGE_TAG TIMEOUT
# Hardly any program needs to find these in its environment.
export -n SSH_PASSWORD DB_PASSWORD

refuse() {
    echo "deploy.sh: $*; see --help" >&2
    exit 2
}

for argument in "$@"; do
    case $argument in
    --dry-run) dry_run=true ;;
    -h | --help)
        sed -nE '1d; /^#/!q; s/^# ?//p' "${BASH_SOURCE[0]}"
        exit
        ;;
    *) refuse "unknown argument $argument" ;;
    esac
done
[[ $IMAGE_NAME == *-agent ]] || refuse "IMAGE_NAME=$IMAGE_NAME does not end in -agent"
[[ $TIMEOUT =~ ^[1-9][0-9]*[smh]$ ]] || refuse "TIMEOUT=$TIMEOUT is no time such as 90s or 5m"
[[ $SKIP_BUILD =~ ^[01]$ ]] || refuse "SKIP_BUILD=$SKIP_BUILD is neither 1 nor 0"
[[ -z $VALUES_FILE || -r $VALUES_FILE ]] || refuse "VALUES_FILE=$VALUES_FILE cannot be read"

# shellcheck source=steps.sh
source "$root/scripts/steps.sh" 14 "$dry_run"

need() {
    local tool
    for tool in "$@"; do
        command -v "$tool" > /dev/null || fail "$tool is not installed" "install $tool, or put it on the PATH"
    done
}

# Whether there is a cluster to ask: only a dry run goes on without.
cluster() {
    [[ ! -s $work/nodes ]] || return 0
    $dry_run || fail "the cluster's nodes cannot be listed: $(why "$work/nodes.error")" \
        'choose a cluster, and an administrator of it: KUBECONFIG, or kubectl config use-context'
    say 'no cluster answers, so it cannot be asked'
    return 1
}

# Whether images are built here at all.
building() {
    [[ $SKIP_BUILD == 1 ]] || return 0
    say 'not needed: SKIP_BUILD'
    return 1
}

kube() {
    kubectl --request-timeout=30s "$@" 2> "$work/error" || fail "kubectl $1 $2: $(why)"
}

# The value of a field of flat JSON.
field() {
    sed -nE "s/.*\"$1\": *\"?([^\",}]*).*/\1/p"
}

# Lists who else would configure the same NICs: the Go agent of before, or another release of ours.
others() {
    local space name label chart_of release found=()
    while read -r space name label chart_of release; do
        [[ $name == *multinic-agent* || $label == multinic-agent ]] || continue
        [[ $chart_of != multinic-[0-9]* || $space != "$NAMESPACE" || $release != "$RELEASE_NAME" ]] || continue
        [[ $release != '<none>' ]] || release=''
        found+=("DaemonSet $name in $space${release:+ of release $release}")
    done < "$work/agents"
    local IFS=,
    echo "${found[*]}"
}

# The release to make or to upgrade, where none was named: the one of this chart that is there, whatever it is called.
name_release() {
    local space name label chart_of release
    [[ -z $RELEASE_NAME ]] || return 0
    RELEASE_NAME=multinic
    while read -r space name label chart_of release; do
        [[ $space == "$NAMESPACE" && $name == multinic-agent && $chart_of == multinic-[0-9]* ]] || continue
        [[ $release == '<none>' ]] || RELEASE_NAME=$release
    done < "$work/agents"
}

earlier() {
    need kubectl helm
    cluster || return 0
    local others release state of
    [[ ! -s $work/agents.error ]] || fail "kubectl get daemonsets: $(why "$work/agents.error")"
    others=$(others)
    # Two would fight over the same NICs.
    [[ -z $others ]] || fail "another agent is there: $others" \
        'remove it (helm uninstall, or kubectl delete daemonset); if it is multinic, set RELEASE_NAME and NAMESPACE to its own'
    # Helm 4 has no --all.
    release=$(helm list --namespace "$NAMESPACE" --filter "^$RELEASE_NAME\$" --output json \
        --deployed --failed --pending --superseded --uninstalled --uninstalling 2> "$work/error") || fail "helm list: $(why)"
    state=$(field status <<< "$release") of=$(field chart <<< "$release")
    [[ -z $of || $of =~ ^multinic-[0-9] ]] ||
        fail "release $RELEASE_NAME is of the chart $of" 'uninstall it, or set another RELEASE_NAME'
    case $state in
    '')
        say "there is no release $RELEASE_NAME in $NAMESPACE"
        return 0
        ;;
    pending-*)
        fail "release $RELEASE_NAME is $state: helm is at work on it, or was interrupted" \
            "when none is at work: helm -n $NAMESPACE rollback $RELEASE_NAME --no-hooks (or, if it was never installed, uninstall)"
        ;;
    uninstalling)
        fail "release $RELEASE_NAME is half uninstalled" "end that: helm uninstall $RELEASE_NAME --namespace $NAMESPACE"
        ;;
    esac
    say "release $RELEASE_NAME is $state and will be upgraded; it keeps the values that this run does not set"
    helm get values "$RELEASE_NAME" --namespace "$NAMESPACE" --output yaml > "$work/earlier.yaml" 2> "$work/error" ||
        fail "helm get values: $(why)"
}

choose_builder() {
    building || return 0
    [[ -n $builder ]] || fail "$(why "$work/builder.error")"
    say "$builder"
}

builder_service() {
    building || return 0
    [[ -n $builder ]] || fail 'there is no image builder'
    "$builder" info > /dev/null 2> "$work/error" || fail "$builder does not answer: $(why)"
    say "$builder answers"
}

buildkit() {
    building || return 0
    local until=$((SECONDS + 30))
    [[ $builder == nerdctl ]] || { say 'not needed: only nerdctl builds by it' && return 0; }
    need buildctl buildkitd
    buildctl debug workers > /dev/null 2>&1 && say 'it runs' && return 0
    say 'it does not run, so it is started until this script ends'
    ! $dry_run || return 0
    buildkitd > "$work/buildkitd.log" 2>&1 &
    until buildctl debug workers > /dev/null 2> "$work/error"; do
        [[ $SECONDS -lt $until ]] || fail "buildkitd does not answer: $(why)"
        attend sleep 1
    done
}

render() {
    helm template "$RELEASE_NAME" "$chart" --namespace "$NAMESPACE" "${values[@]}" \
        > "$work/manifest.yaml" 2> "$work/error" || fail "$(why)" \
        "set DB_HOST and DB_PASSWORD, or see charts/multinic/values.yaml for VALUES_FILE and HELM_ARGS"
}

tools() {
    need kubectl helm
    helm upgrade --help | grep -q -e --take-ownership || fail "helm is $(helm version --short)" 'install helm 3.17 or newer'
    [[ $SKIP_BUILD == 1 ]] || need ssh timeout tar ${SSH_PASSWORD:+sshpass}
    say "helm $(helm version --short)"
    # Now, and not only after minutes of building.
    render
    cluster || return 0
    say "$(kube version | paste -s -d ' ')"
}

build() {
    building || return 0
    local kinds
    kinds=$(sed 's,^,linux/,' "$work/nodes" | sort -u)
    [[ -n $PLATFORMS || $kinds != *$'\n'* ]] || fail "the nodes differ: ${kinds//$'\n'/, }" \
        'push images for all of them to a registry; set IMAGE_NAME to the name there, and SKIP_BUILD=1'
    export PLATFORMS=${PLATFORMS:-$kinds}
    change "$root/scripts/images.sh" --output "$work/images"
}

# Checks what would otherwise show on the nodes only. The pods are told their image's digest, so that they are
# replaced when the same tag has become another image.
archives() {
    building || return 0
    local part image file manifest
    for part in agent operator; do
        image=${IMAGE_NAME%-agent}-$part:$IMAGE_TAG file=$work/images/multinic-$part.tar
        $dry_run && say "would check that the archive has $image" && continue
        manifest=$(tar -xOf "$file" manifest.json 2> "$work/error") || fail "$part: $(why)"
        [[ $manifest =~ \"(docker\.io/|docker\.io/library/)?"$image"\" ]] || fail "no $image in the archive, but $manifest"
        [[ $manifest =~ \"Config\":\ ?\"[^\"]*([0-9a-f]{64}) ]] || fail "no digest in the archive of $image: $manifest"
        values+=(--set-string "$part.podAnnotations.multinic\\.io/image=${BASH_REMATCH[1]}")
        say "$image, $(du -h "$file" | cut -f 1)"
    done
}

distribute() {
    building || return 0
    local reason
    if $dry_run; then
        [[ -n $NODES ]] || cluster || return 0
        say "would import both images on: $("$root/scripts/distribute.sh" --print-nodes | paste -s -d ',')"
        return 0
    fi
    SSH_PASSWORD=$SSH_PASSWORD attend "$root/scripts/distribute.sh" "$work/images" 2> "$work/error" && return 0
    reason=$(sed -n 's/^distribute.sh: //p' "$work/error")
    fail "${reason:-$(why)}" "$(sed -n 's/^remedy: //p' "$work/error")"
}

lint() {
    need helm
    helm lint --strict "$chart" "${values[@]}" > "$work/error" 2>&1 || fail "$(why)"
    render
    say "$(grep -c '^kind:' "$work/manifest.yaml") objects"
}

namespace() {
    local label=pod-security.kubernetes.io/enforce now='' phase level
    local permit=(kubectl label --overwrite namespace "$NAMESPACE" "$label=privileged")
    [[ ! -s $work/nodes ]] || now=$(kube get namespace "$NAMESPACE" --ignore-not-found \
        --output "jsonpath={.status.phase} {.metadata.labels.${label//./\\.}}")
    read -r phase level <<< "$now"
    case $phase-$level in
    Terminating-*) fail "namespace $NAMESPACE is being deleted" 'wait until it is gone, or set NAMESPACE' ;;
    # Agents are in the host's network, which every lower level forbids.
    Active-baseline | Active-restricted)
        fail "namespace $NAMESPACE admits no agents: it enforces the level $level" "${permit[*]}; or set NAMESPACE"
        ;;
    Active-privileged) say "$NAMESPACE is as it should be" ;;
    *)
        [[ -n $phase ]] || change kubectl create namespace "$NAMESPACE"
        change "${permit[@]}"
        ;;
    esac
}

upgrade() {
    # The definition outlives a release, and belongs to the one that it came with.
    change helm upgrade --install --take-ownership "$RELEASE_NAME" "$chart" --namespace "$NAMESPACE" \
        --timeout "$TIMEOUT" "${values[@]}" \
        2> "$work/error" || fail "$(why)"
}

# What is known of pods that are not ready, or not even there: events, and the end of the logs.
unready() {
    local pod
    # shellcheck disable=SC2016 # kubectl's template
    local names='{{range .items}}{{$name := .metadata.name}}{{range .status.containerStatuses}}{{
        if not .ready}}{{$name}}{{"\n"}}{{end}}{{end}}{{end}}'
    kubectl --namespace "$NAMESPACE" get pods --selector "$pods" --output wide
    kubectl --namespace "$NAMESPACE" get events --field-selector type=Warning --sort-by .lastTimestamp | tail -n 5
    kubectl --namespace "$NAMESPACE" get pods --selector "$pods" --output "go-template=$names" |
        head -n 3 | while read -r pod; do
        kubectl --namespace "$NAMESPACE" logs "$pod" --tail 3
    done
}

rollout() {
    local workload
    for workload in daemonset/multinic-agent deployment/multinic-operator; do
        change kubectl --namespace "$NAMESPACE" rollout status "$workload" --timeout "$TIMEOUT" && continue
        unready >&2 || true
        fail "$workload is not ready after $TIMEOUT, see the lines above"
    done
}

show() {
    change kubectl --namespace "$NAMESPACE" get daemonset,deployment,pods --selector "$pods" --output wide
    change kubectl get nodenetworkconfigs
}

# Asks a pod how it is, for half a minute until it works. Arguments: pod, port, node. Sets answer.
ask() {
    local until=$((SECONDS + 30)) path=/api/v1/namespaces/$NAMESPACE/pods/$1:$2/proxy/
    until answer=$(kubectl get --raw "$path" --request-timeout=10s 2> "$work/error") &&
        [[ $(field status <<< "$answer") =~ ^(healthy|degraded)$ ]]; do
        [[ $SECONDS -lt $until ]] || fail "$1 on $3: ${answer:-$(why)}"
        attend sleep 1
    done
}

health() {
    $dry_run && say 'would ask every pod how it is, and run helm test' && return 0
    local pod node port answer version versions=''
    kube get pods --namespace "$NAMESPACE" --selector "$pods" --output 'go-template={{range .items}}{{
        if not .metadata.deletionTimestamp}}{{.metadata.name}} {{.spec.nodeName}} {{
        (index (index .spec.containers 0).ports 0).containerPort}}{{"\n"}}{{end}}{{end}}' > "$work/pods"
    grep -q '^multinic-agent-' "$work/pods" || fail 'no node runs an agent' "see the chart's value nodeSelector"
    while read -r pod node port; do
        ask "$pod" "$port" "$node"
        version=$(field version <<< "$answer")
        say "$pod on $node: $(field status <<< "$answer"), $version"
        [[ $versions == *"$version; "* ]] || versions+="$version; "
    done < "$work/pods"
    [[ $versions != *\;*\;* ]] || fail "the pods are of different versions: ${versions%; }" \
        "$IMAGE_TAG is not the same image on all nodes: run this again without NODES and SKIP_BUILD"
    check
}

# Lets the operator say what works from where it is, and what does not.
check() {
    local status=0 failures
    attend helm test "$RELEASE_NAME" --namespace "$NAMESPACE" --timeout "$TIMEOUT" > "$work/check" 2>&1 || status=$?
    kubectl --namespace "$NAMESPACE" logs multinic-check > "$work/said" 2>&1 || true
    sed -n '/^ok /p' "$work/said" | while read -r line; do say "$line"; done
    failures=$(sed -n 's/^FAILED //p' "$work/said" | paste -s -d ' ')
    [[ $status == 0 ]] || fail "${failures:-$(why "$work/check")}" \
        "see there, then ask again: helm test $RELEASE_NAME --namespace $NAMESPACE"
}

# What the chart is given, the values of an earlier release first, as soon as they are known.
echo '{}' > "$work/earlier.yaml"
values=(--values "$work/earlier.yaml")
[[ -z $VALUES_FILE ]] || values+=(--values "$VALUES_FILE")
for key in host port name user password; do
    variable=DB_${key^^}
    [[ -n ${!variable:-} ]] || continue
    # Files, since anybody can read the password on a command line, and nothing is special in them.
    printf %s "${!variable}" > "$work/database.$key"
    values+=(--set-file "database.$key=$work/database.$key")
done
# A password that is given counts more than a Secret that was.
[[ -z $DB_PASSWORD ]] || values+=(--set-string database.existingSecret=)
# These very images, whatever an earlier release had from a registry.
values+=(--set-string "image.repository=$IMAGE_NAME,image.tag=$IMAGE_TAG"
    --set-string "image.registry=,image.digest=,operator.image.digest=" --set image.pullPolicy=IfNotPresent --set purge=false)
read -ra more <<< "${HELM_ARGS//$'\n'/ }"
values+=("${more[@]}")

# What is known before the first step, or why it is not.
builder=''
[[ $SKIP_BUILD == 1 ]] || builder=$("$root/scripts/images.sh" --print-builder 2> "$work/builder.error") || true
kubectl --request-timeout=10s get nodes --no-headers --output 'custom-columns=A:.status.nodeInfo.architecture' \
    > "$work/nodes" 2> "$work/nodes.error" || true
# Every DaemonSet, since an agent may be anywhere: namespace, name, label, chart and release.
labels=.metadata.labels columns=S:.metadata.namespace,N:.metadata.name
columns+=",L:$labels.app\.kubernetes\.io/name,C:$labels.helm\.sh/chart,R:.metadata.annotations.meta\.helm\.sh/release-name"
kubectl --request-timeout=10s get daemonsets --all-namespaces --no-headers --output "custom-columns=$columns" \
    > "$work/agents" 2> "$work/agents.error" || true
name_release
echo "multinic $IMAGE_TAG as release $RELEASE_NAME in namespace $NAMESPACE"

step 'clean up an earlier deployment' "look at it: helm history $RELEASE_NAME --namespace $NAMESPACE" earlier
step 'choose an image builder' 'install buildah, which needs no daemon, or start docker' choose_builder
step 'check that it answers' 'start its service, such as: systemctl start docker (or containerd)' builder_service
step 'start buildkitd' 'install buildkit, or set BUILDER to docker, podman or buildah' buildkit
step 'check tools and settings' 'see the message' tools
step 'build both images' 'see the lines above' build
step 'check the archives' 'run scripts/images.sh --output DIR by hand' archives
step 'distribute images' 'see that sshd answers there (SSH_PORT), or name the nodes in NODES' distribute
step 'check the chart' 'see the message' lint
step 'prepare the namespace' 'deploy as an administrator of the cluster' namespace
step 'install or upgrade the release' "look at it: helm history $RELEASE_NAME --namespace $NAMESPACE" upgrade
step 'wait for the pods' "look at them: kubectl --namespace $NAMESPACE describe pods" rollout
step 'show what is there' 'run this again' show
step 'ask every pod how it is' "look at them: kubectl --namespace $NAMESPACE logs POD" health
finish "multinic $IMAGE_TAG is deployed; what is on the nodes: kubectl get nodenetworkconfigs"
