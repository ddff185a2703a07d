#!/usr/bin/env bash
# Gathers the licences of what a binary is made of, for the image that it ships in.
#
#   scripts/notices.sh PACKAGE amd64|arm64 DIRECTORY
#
# DIRECTORY gets LICENSE, ours; THIRD-PARTY, with every licence text of every crate, each text once, below the crates that it came
# with; and what there is of glibc and of the Rust library, which are linked in. The same sources make the same files.
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C

package=${1:?PACKAGE is missing} arch=${2:?the architecture is missing} directory=${3:?DIRECTORY is missing}
case $arch in arm64) machine=aarch64 ;; *) machine=x86_64 ;; esac
cargo=${CARGO:-cargo}
sources=${CARGO_HOME:-$HOME/.cargo}/registry/src
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$directory"

# Name, version, licence and home of every crate that is not ours.
"$cargo" tree --locked --package "$package" --target "$machine-unknown-linux-gnu" --edges normal --prefix none --no-dedupe \
    --format '{p}|{l}|{r}' | sed -n 's/^\([^ ]*\) v\([^ |]*\)\( (proc-macro)\)\{0,1\}|/\1|\2|/p' | sort -u > "$work/crates"
touch "$work/files" "$work/without"
while IFS='|' read -r name version licence home; do
    none=1
    for file in "$sources"/*/"$name-$version"/{LICEN[CS]E,UNLICENSE,COPYING,COPYRIGHT,NOTICE,license}*; do
        [ -f "$file" ] || continue
        none=
        echo "$file|$name $version ($licence)" >> "$work/files"
    done
    [ -z "$none" ] || echo "$name $version ($licence), $home" >> "$work/without"
done < "$work/crates"
[ -s "$work/files" ] || {
    echo "notices.sh: no sources of crates in $sources; build first" >&2
    exit 1
}

line=------------------------------------------------------------------------
{
    echo "What is linked into $package beside its own code, and under which licences."
    # One text in other lines is one text: the Apache License comes in a dozen.
    while IFS='|' read -r file crate; do
        sum=$(tr -s '[:space:]' '\n' < "$file" | sed '/^$/d' | sha256sum | cut -c 1-64)
        echo "$sum|$file|$crate"
    done < "$work/files" | sort -t '|' -k 1,1 -k 3,3 -k 2,2 > "$work/texts"
    sum='' file='' named=''
    while IFS='|' read -r this_sum this_file crate; do
        if [ "$this_sum" != "$sum" ]; then
            [ -z "$file" ] || printf '\n%s\n' "$(cat "$file")"
            printf '\n%s\n' "$line"
            named=
        fi
        [ "$crate" = "$named" ] || echo "$crate"
        sum=$this_sum file=$this_file named=$crate
    done < "$work/texts"
    printf '\n%s\n' "$(cat "$file")"
    if [ -s "$work/without" ]; then
        printf '\n%s\nNo text comes with the packages of these:\n\n' "$line"
        cat "$work/without"
    fi
} > "$directory/THIRD-PARTY"
cp LICENSE "$directory/LICENSE"
# The host's own C library or the cross compiler's, whichever was linked.
for file in "/usr/share/doc/libc6-dev-$arch-cross/copyright" /usr/share/doc/libc6-dev/copyright; do
    [ -f "$file" ] || continue
    # It leaves out what every Debian has.
    cat "$file" /usr/share/common-licenses/LGPL-2.1 > "$directory/GLIBC"
    break
done
library=$(rustc --print sysroot)/share/doc/rust/COPYRIGHT-library.html
[ ! -f "$library" ] || cp "$library" "$directory/RUST.html"
chmod 644 "$directory"/*
