#!/usr/bin/env bash
# Builds both images.
#
#   scripts/images.sh [--push] [--output DIR]
#       --push          also pushes them to the registry that is in IMAGE_NAME
#       --output DIR    also writes them to DIR, as archives for docker load and ctr images import
#   scripts/images.sh --print-builder     says which builder it would use
#
# Environment:
#   IMAGE_NAME   name of the agent's image, ending in -agent; the operator's ends in -operator   (multinic-agent)
#   IMAGE_TAG    tag of both                                                          (the chart's appVersion)
#   PLATFORMS    such as linux/amd64,linux/arm64                                      (this machine's own)
#   BUILDER      docker, podman, nerdctl or buildah                                   (the first that answers)
#   COMPILE      host: cargo compiles here; container: in the build itself            (host on Linux with cargo)
set -euo pipefail
cd "$(dirname "$0")/.."

die() {
    echo "images.sh: $*" >&2
    exit 1
}

# Whether a builder is there and can work: a docker client without its daemon cannot.
answers() {
    if [ "$1" = buildah ]; then buildah --version; else "$1" info; fi > /dev/null 2>&1
}

find_builder() {
    if [ -n "${BUILDER:-}" ]; then
        [[ $BUILDER =~ ^(docker|podman|nerdctl|buildah)$ ]] ||
            die "unknown BUILDER $BUILDER; there are docker, podman, nerdctl and buildah"
        answers "$BUILDER" || die "BUILDER=$BUILDER does not answer: install it, start its daemon, or choose another"
        echo "$BUILDER"
        return
    fi
    local candidate
    for candidate in docker podman nerdctl buildah; do
        if answers "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    die "no image builder answers: install buildah (it needs no daemon), or start docker, podman or containerd with buildkitd"
}

output='' push=''
while [ $# -gt 0 ]; do
    case $1 in
    --print-builder)
        find_builder
        exit
        ;;
    --push)
        push=1
        shift
        ;;
    --output)
        output=${2:?--output needs a directory}
        mkdir -p "$output"
        shift 2
        ;;
    *)
        echo "images.sh: unknown argument $1; there are --push, --output DIR and --print-builder" >&2
        exit 2
        ;;
    esac
done

builder=$(find_builder)
version=$(sed -n 's/^appVersion: *//p' charts/multinic/Chart.yaml)
name=${IMAGE_NAME:-multinic-agent}
tag=${IMAGE_TAG:-$version}
[[ $name == *-agent ]] || die "IMAGE_NAME=$name does not end in -agent, so the operator's image cannot be named after it"
[[ -z $push || $name == */* ]] || die "IMAGE_NAME=$name names no registry to push to, as REGISTRY/multinic-agent does"
own=$(uname -m)
own=${own/x86_64/amd64}
own=${own/aarch64/arm64}
# Only Linux compiles for the images by itself.
here=container
[[ $(uname -s) != Linux ]] || ! command -v cargo > /dev/null || here=host
platforms=${PLATFORMS:-linux/$own}
compile=${COMPILE:-$here}

# Two builds of one commit are the same to the byte: the commit's time is the only time in them.
commit=${MULTINIC_COMMIT:-$(git rev-parse --short=12 HEAD 2> /dev/null || echo unknown)}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2> /dev/null || echo 0)}
export SOURCE_DATE_EPOCH MULTINIC_COMMIT=$commit

case $compile in
host)
    # shellcheck disable=SC2046 # one word per architecture
    scripts/binaries.sh $(tr ',' '\n' <<< "$platforms" | sed 's#^linux/##')
    binaries=prebuilt
    # Copied with their times, which go into the layer.
    find target/dist -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    ;;
container) binaries=compiled ;;
*) die "COMPILE=$compile is neither host nor container" ;;
esac

# One platform is an image, several are a list of images under one name.
build() {
    local part=$1 image=$2 as=--tag
    echo "images.sh: $image ($platforms) with $builder"
    local arguments=(
        --file "Dockerfile.$part" --platform "$platforms"
        --build-arg "BINARIES=$binaries" --build-arg "MULTINIC_COMMIT=$commit"
        --label org.opencontainers.image.title="multinic-$part"
        --label org.opencontainers.image.description="Additional NICs of OpenStack VMs on Kubernetes nodes: the $part"
        --label org.opencontainers.image.version="$version"
        --label org.opencontainers.image.revision="$commit"
        --label org.opencontainers.image.licenses=MIT
    )
    case $builder in
    buildah | podman)
        [[ $platforms == *,* ]] && as=--manifest
        # Without a name of its own, a list would gather the images of every build there ever was.
        "$builder" manifest rm "$image" > /dev/null 2>&1 || true
        arguments+=(--timestamp "$SOURCE_DATE_EPOCH" --identity-label=false)
        ;;
    esac
    "$builder" build "$as" "$image" "${arguments[@]}" .
}

save() {
    local image=$1 file=$2
    rm -f "$file"
    case $builder in
    buildah | podman)
        if [[ $platforms == *,* ]]; then
            "$builder" manifest push --all "$image" "oci-archive:$file:$image"
        else
            "$builder" push --quiet "$image" "docker-archive:$file:$image"
        fi
        ;;
    *) "$builder" save --output "$file" "$image" ;;
    esac
    echo "images.sh: $file, $(du -h "$file" | cut -f 1)"
}

upload() {
    local image=$1 several=
    [[ $platforms == *,* ]] && several=1
    case $builder in
    buildah | podman)
        if [ -n "$several" ]; then
            "$builder" manifest push --all "$image" "docker://$image"
        else
            "$builder" push --quiet "$image"
        fi
        ;;
    nerdctl) nerdctl push ${several:+--all-platforms} "$image" ;;
    docker) docker push "$image" ;;
    esac
    echo "images.sh: $image pushed"
}

for part in agent operator; do
    image=${name%-agent}-$part:$tag
    build "$part" "$image"
    if [ -n "$output" ]; then
        save "$image" "$output/multinic-$part.tar"
    fi
    if [ -n "$push" ]; then
        upload "$image"
    fi
done
