#!/usr/bin/env bash
# Packages the chart as it is published: of this version, and with the names of the published images.
#
#   scripts/release-chart.sh VERSION IMAGES AGENT_DIGEST OPERATOR_DIGEST DIRECTORY
#
# IMAGES is the name of both images without -agent and -operator. Needs helm.
set -euo pipefail
cd "$(dirname "$0")/.."

version=${1:?VERSION is missing} images=${2:?IMAGES is missing} agent=${3:?AGENT_DIGEST is missing}
operator=${4:?OPERATOR_DIGEST is missing} directory=${5:?DIRECTORY is missing}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r charts/multinic "$work/multinic"
cp LICENSE "$work/multinic"
# Digests only tell: as values, they would count more than a tag that somebody sets.
sed -i "s|^  repository: multinic-agent$|  repository: $images-agent|" "$work/multinic/values.yaml"
cat >> "$work/multinic/Chart.yaml" << YAML
  artifacthub.io/prerelease: "$([[ $version == *-* ]] && echo true || echo false)"
  artifacthub.io/images: |
    - name: agent
      image: $images-agent:$version@$agent
    - name: operator
      image: $images-operator:$version@$operator
YAML
grep -q "^  repository: $images-agent$" "$work/multinic/values.yaml" || {
    echo 'release-chart.sh: values.yaml has no line "  repository: multinic-agent" any more' >&2
    exit 1
}
mkdir -p "$directory"
helm package "$work/multinic" --version "$version" --app-version "$version" --destination "$directory"
