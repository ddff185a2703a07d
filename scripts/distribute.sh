#!/usr/bin/env bash
# Hands image archives to the container runtime of every node by ssh, for clusters without a registry.
#
#   scripts/distribute.sh DIR             imports all DIR/*.tar on every node, eight nodes at a time
#   scripts/distribute.sh --print-nodes   says which nodes these are, and what runs containers there
#
# Environment:
#   NODES          nodes, separated by spaces                                      (all, by InternalIP)
#   SSH_USER       user on the nodes: root, or one with sudo without a password    (ssh's choice)
#   SSH_PORT       port of sshd on the nodes                                       (ssh's choice)
#   SSH_PASSWORD   the user's password; needs sshpass                              (a key, or ssh-agent)
#   SSH_OPTIONS    further options of ssh, such as -i FILE; host keys are checked in any case
#   TIMEOUT        longest wait for one image on one node                          (5m)
# With job control each node's connection is a process group, which can be ended as one.
set -euo pipefail
if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 404)); then
    echo "distribute.sh: this is bash $BASH_VERSION; install bash 4.4 or newer, and run the script with it" >&2
    exit 2
fi
set -m

# Ends everything. Arguments: why, and what to do about it.
die() {
    printf 'distribute.sh: %s\nremedy: %s\n' "$@" >&2
    exit 1
}

: "${NODES:=}" "${SSH_USER:=}" "${SSH_PORT:=}" "${SSH_PASSWORD:=}" "${SSH_OPTIONS:=}" "${TIMEOUT:=5m}"
# Only sshpass needs to find it in its environment.
export -n SSH_PASSWORD
if [[ $# != 1 || $1 == -* && $1 != --print-nodes ]]; then
    echo 'distribute.sh: needs the directory of the archives, or --print-nodes' >&2
    exit 2
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/multinic-distribute.XXXXXX")
finish() {
    local job
    for job in $(jobs -p); do kill -- "-$job" 2> /dev/null || true; done
    wait
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Name, addresses and runtime of each.
kubectl --request-timeout=30s get nodes --no-headers --output \
    'custom-columns=N:.metadata.name,I:.status.addresses[?(@.type=="InternalIP")].address,R:.status.nodeInfo.containerRuntimeVersion' \
    > "$work/cluster" 2> "$work/error" || [[ -n $NODES ]] ||
    die "no cluster answers: $(tail -n 1 "$work/error")" 'choose one (KUBECONFIG), or name the nodes in NODES'
read -ra nodes <<< "${NODES//[$',\n']/ }"
[[ ${#nodes[@]} -gt 0 ]] || while read -r _ addresses _; do nodes+=("${addresses%%,*}"); done < "$work/cluster"
[[ ${#nodes[@]} -gt 0 ]] || die 'the cluster has no nodes' 'name them in NODES'

# What runs containers on a node; on one under a name that the cluster does not know, by far the most likely.
runtime() {
    local name addresses runtime answer=containerd://unknown
    while read -r name addresses runtime; do
        [[ $name != "$1" && ,$addresses, != *",$1,"* ]] || answer=$runtime
    done < "$work/cluster"
    echo "$answer"
}

if [[ $1 == --print-nodes ]]; then
    for node in "${nodes[@]}"; do echo "$node $(runtime "$node")"; done
    exit
fi
archives=("$1"/*.tar)
[[ -r ${archives[0]} ]] || die "there is no archive in $1" 'make them: scripts/images.sh --output DIR'

# How a node is logged in to by hand; and by this script, where the first of two contradicting options counts.
read -ra further <<< "$SSH_OPTIONS"
login=(${SSH_PORT:+-p "$SSH_PORT"} ${SSH_USER:+-l "$SSH_USER"} "${further[@]}")
ssh=(ssh -T -o StrictHostKeyChecking=yes -o ConnectTimeout=10 -o ServerAliveInterval=5 -o LogLevel=ERROR)
if [[ -n $SSH_PASSWORD ]]; then
    ssh=(sshpass -e "${ssh[@]}" -o NumberOfPasswordPrompts=1 -o 'PreferredAuthentications=password,keyboard-interactive')
else
    ssh+=(-o BatchMode=yes)
fi

# An image's name as containerd has it, from the archive that it is in: docker's format, or that of a list of platforms.
name_in() {
    local name
    name=$({ tar -xOf "$1" manifest.json || tar -xOf "$1" index.json; } 2> /dev/null |
        sed -nE 's/.*"(RepoTags|org\.opencontainers\.image\.ref\.name)": ?\[?"([^"]+)".*/\2/p') || true
    [[ $name =~ ^[A-Za-z0-9._/:-]+:[A-Za-z0-9._-]+$ ]] || die "no image's name is in $1" 'make it anew: scripts/images.sh --output DIR'
    # As docker completes short names.
    [[ $name == */* ]] || name=library/$name
    [[ ${name%%/*} == *[.:]* || ${name%%/*} == localhost ]] || name=docker.io/$name
    echo "$name"
}

# What a node does to take an image from its standard input, without a single quote in it. With containerd the image is
# pinned: the kubelet would delete one that no pod of the node uses, and no registry would bring it back.
# Arguments: the node's runtime, the image's name.
# shellcheck disable=SC2016 # the node expands it
importer() {
    echo 'PATH=$PATH:/usr/sbin:/usr/local/bin:/usr/local/sbin; sudo=; [ "$(id -u)" = 0 ] || sudo="sudo -n"; set -e'
    case $1 in
    docker://*) echo 'exec $sudo docker load' ;;
    containerd://*)
        echo 'if tool=$(command -v ctr); then tool="$sudo $tool --namespace k8s.io images"; $tool import -'
        echo 'for image in $($tool list -q); do case $image in'
        echo "$2) \$tool label \$image io.cri-containerd.pinned=pinned ;;"
        echo "${2%:*}:*) \$tool label \$image io.cri-containerd.pinned= ;;"
        echo 'esac; done; exit; fi'
        echo 'if tool=$(command -v nerdctl); then exec $sudo "$tool" --namespace k8s.io load; fi'
        echo 'echo "neither ctr nor nerdctl is installed" >&2; exit 1'
        ;;
    *) echo "echo \"its runtime $1 takes no images by hand\" >&2; exit 1" ;;
    esac
}

# Ends a program that takes too long; GNU's timeout must be kept in the process group that is ended as one.
within=(timeout)
! timeout --foreground 1 true 2> /dev/null || within+=(--foreground)

# Brings all archives to one node.
carry() {
    local node=$1 archive command status=0 began=$SECONDS
    for archive in "${archives[@]}"; do
        command="sh -c '$(importer "$(runtime "$node")" "$(name_in "$archive")")'"
        SSHPASS=$SSH_PASSWORD "${within[@]}" "$TIMEOUT" "${ssh[@]}" "${login[@]}" -- "$node" "$command" \
            < "$archive" > /dev/null 2> "$work/$node.error" || status=$?
        # busybox's timeout ends as what it ended did: by SIGTERM.
        [[ $status != 124 && $status != 143 ]] || echo "not done after $TIMEOUT" > "$work/$node.error"
        if [[ $status != 0 ]]; then
            echo "$node: FAILED: $(tail -n 1 "$work/$node.error")"
            return
        fi
    done
    : > "$work/$node.done"
    echo "$node: ${#archives[@]} images imported ($((SECONDS - began)) s)"
}

# What to do about a node that failed.
remedy() {
    local by_hand="ssh ${login[*]:+${login[*]} }$1"
    case $(< "$work/$1.error") in
    *'IDENTIFICATION HAS CHANGED'*) echo "if $1 was installed anew, forget its old key (ssh-keygen -R $1), then: $by_hand" ;;
    *'ey verification failed'*) echo "compare the fingerprint and answer yes, once: $by_hand" ;;
    *sudo*) echo 'let the user run the import by sudo without a password (NOPASSWD), or set SSH_USER=root' ;;
    *'ermission denied'*) echo "set SSH_USER and ${SSH_PASSWORD:+another }SSH_PASSWORD, or a key (ssh-add, SSH_OPTIONS='-i FILE'), so that this works: $by_hand" ;;
    *'takes no images'* | *'nor nerdctl'*) echo 'push the images to a registry, then deploy with SKIP_BUILD=1 and IMAGE_NAME as it is there' ;;
    *'not done after'*) echo "set a longer TIMEOUT, or see what $1 is busy with" ;;
    *) echo "see that sshd answers on $1 (SSH_PORT), or leave the node out (NODES)" ;;
    esac
}

jobs=()
for node in "${nodes[@]}"; do
    [[ ${#jobs[@]} -lt 8 ]] || { wait "${jobs[0]}" && jobs=("${jobs[@]:1}"); }
    carry "$node" &
    jobs+=($!)
done
wait "${jobs[@]}"
failures='' first=''
for node in "${nodes[@]}"; do
    [[ ! -e $work/$node.done ]] || continue
    first=${first:-$node}
    failures+="; node $node: $(tail -n 1 "$work/$node.error" | tr -d '\r')"
done
[[ -z $first ]] || die "${failures#; }" "$(remedy "$first")"
