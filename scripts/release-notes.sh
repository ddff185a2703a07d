#!/usr/bin/env bash
# Prints what CHANGELOG.md says of a version. Fails where it says nothing, or where Cargo.toml or Chart.yaml is of another one.
#
#   scripts/release-notes.sh VERSION
set -euo pipefail
cd "$(dirname "$0")/.."

die() {
    echo "release-notes.sh: $*" >&2
    exit 1
}

version=${1:?VERSION is missing}
cargo=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' Cargo.toml)
[[ $cargo == "$version" ]] || die "Cargo.toml is of version $cargo and not $version"
chart=$(sed -n 's/^appVersion: *//p' charts/multinic/Chart.yaml)
[[ $chart == "$version" ]] || die "charts/multinic/Chart.yaml has the appVersion $chart and not $version"
notes=$(awk -v heading="## $version" '/^## / { within = index($0 " ", heading " ") == 1; next } within' CHANGELOG.md)
[[ $notes == *[![:space:]]* ]] || die "CHANGELOG.md has no section '## $version'"
echo "$notes"
