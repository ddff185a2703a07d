# shellcheck shell=bash
# How a script of many steps runs: each is counted and timed; the one that fails says why and what to do; a signal ends
# all that was started; a dry run tells instead of doing.
#
#   step NAME REMEDY FUNCTION   [ 3/14] NAME … done (2 s)
#                               or, on standard error and with exit status 1:
#                               SCRIPT: step 3 (NAME) failed: WHY
#                               remedy: WHAT TO DO
#
# Sourced with the number of steps, and true or false for a dry run. Functions use `say`, `fail`, `change`, and $work, a directory that does not remain.

script=$(basename "$0") steps=$1 dry_run=$2 number=0 name='' remedy='' would_fail=''
# The script's own, also from where they are being captured.
exec 3>&1 4>&2
work=$(mktemp -d "${TMPDIR:-/tmp}/multinic.XXXXXX")

# Ends a process and all that it started; parents first, lest they start the next one.
end() {
    local children child
    children=$(pgrep -P "$1") || true
    kill "$1" 2> /dev/null || true
    for child in $children; do end "$child"; done
}

clean_up() {
    local status=$? child
    trap - EXIT INT TERM HUP
    for child in $(jobs -p); do end "$child"; done
    wait
    [[ $status == 0 || -e $work/explained ]] || explain 'see the lines above' "$remedy"
    rm -rf "$work"
    exit "$status"
}

interrupted() {
    : > "$work/explained"
    echo "$script: step $number ($name) was interrupted; run it again to go on" >&4
    exit "$1"
}

trap clean_up EXIT
trap 'interrupted 130' INT
trap 'interrupted 143' TERM HUP

say() {
    printf '        %s\n' "$*" >&3
}

explain() {
    # A file, since this may be a subshell.
    : > "$work/explained"
    printf '%s: step %d (%s) failed: %s\nremedy: %s\n' "$script" "$number" "$name" "$1" "$2" >&4
}

# Ends the step, and with it all but a dry run. Arguments: why, and what to do where the step's own remedy is too vague.
fail() {
    if $dry_run; then
        say "would fail: $1"
        say "remedy: ${2:-$remedy}"
    else
        explain "$1" "${2:-$remedy}"
    fi
    exit 1
}

# What a program said on its standard error, as one line, without what helm and kubectl add for their developers.
why() {
    local text
    text=$(sed -E '/^Use --debug|^E[0-9]{4} /d; s/execution error at \([^)]*\): //' "${1:-$work/error}" | tr -s '\r\n\t ' ' ')
    text=${text% }
    echo "${text:0:500}"
}

# Runs what takes long: in the background, since only there a signal is answered before it has ended.
attend() {
    "$@" &
    wait $!
}

# Runs what changes something, which a dry run only tells.
change() {
    if $dry_run; then
        say "would run:$(printf ' %q' "$@")"
    else
        attend "$@"
    fi
}

step() {
    local began=$SECONDS status
    name=$1 remedy=$2 number=$((number + 1))
    printf '[%2d/%d] %s\n' "$number" "$steps" "$name"
    if $dry_run; then
        # A step that would fail must not keep the next ones from being told.
        set +e
        (set -e && "$3")
        status=$?
        set -e
        [[ $status == 0 ]] || would_fail+=" $number"
    else
        "$3"
        say "done ($((SECONDS - began)) s)"
    fi
}

# After the last step. Argument: what to say where all of it was really done.
finish() {
    if $dry_run; then
        echo "dry run: nothing was changed${would_fail:+; steps that would fail:$would_fail}"
    else
        echo "$1"
    fi
}
