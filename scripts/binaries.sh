#!/usr/bin/env bash
# Builds both binaries as they ship, static and reproducible: what goes into the images is in target/dist/ARCH/.
#
#   scripts/binaries.sh [amd64|arm64]...      default: this machine's own architecture
#
# Static against glibc, so that an image needs no loader and no library, and what runs in it is the libc that the
# tests ran with. Another architecture needs its cross compiler (Debian: gcc-aarch64-linux-gnu libc6-dev-arm64-cross,
# or gcc-x86-64-linux-gnu libc6-dev-amd64-cross).
set -euo pipefail
cd "$(dirname "$0")/.."

die() {
    echo "binaries.sh: $*" >&2
    exit 1
}

[[ $(uname -s) == Linux ]] || die "this is $(uname -s); the binaries are Linux programs: let scripts/images.sh compile in a container"
own=$(uname -m)
case $own in
x86_64) own=amd64 ;;
aarch64) own=arm64 ;;
*) die "this machine is $own; images are made for amd64 and arm64" ;;
esac

[ $# -gt 0 ] || set -- "$own"
for arch in "$@"; do
    case $arch in
    amd64) machine=x86_64 gcc=x86_64-linux-gnu-gcc ;;
    arm64) machine=aarch64 gcc=aarch64-linux-gnu-gcc ;;
    *) die "unknown architecture $arch; there are amd64 and arm64" ;;
    esac
    triple=$machine-unknown-linux-gnu
    [ "$arch" = "$own" ] && gcc=cc
    command -v "$gcc" > /dev/null || die "$arch needs the compiler $gcc; install gcc-${gcc%-gcc}"
    if [ "$arch" != "$own" ] && command -v rustup > /dev/null; then
        rustup --quiet target add "$triple"
    fi

    # Where it was built must not show in it. The commit is in --version, and all a rebuild could differ in.
    flags=(
        -C target-feature=+crt-static -C "linker=$gcc" "--remap-path-prefix=$PWD=/multinic"
        "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo" "--remap-path-prefix=$(rustc --print sysroot)=/rust"
    )
    env "CC_${triple//-/_}=$gcc" CARGO_ENCODED_RUSTFLAGS="$(IFS=$'\x1f' && echo "${flags[*]}")" \
        cargo build --locked --release --target-dir target --target "$triple" --package multinic-agent --package multinic-operator

    for part in agent operator; do
        rm -rf "target/dist/$arch/$part"
        install -D -m 755 -t "target/dist/$arch/$part" "target/$triple/release/multinic-$part"
        scripts/notices.sh "multinic-$part" "$arch" "target/dist/$arch/$part/licenses"
    done
    # The agent runs the host's netplan generator below /host. Of the host's root it gets /usr and /lib, in which
    # every Debian and Ubuntu has the loader; that of x86 is asked for in /lib64, which not every host has.
    if [ "$arch" = amd64 ]; then
        mkdir -p "target/dist/$arch/agent/host/lib64"
        ln -s ../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 "target/dist/$arch/agent/host/lib64/ld-linux-x86-64.so.2"
    fi
done
