# Holds the namespaces of one testbed until standard input closes, however its owner ends, then leaves nothing behind.
#
# $1 is the testbed's directory. Its mounts, processes and network namespaces exist only inside the namespaces made
# here, so the kernel removes all of them when the process in the middle ends.
unshare --net --mount --pid --fork --kill-child=KILL sh -ec '
    # Before the new /proc is mounted, this still shows the outer process id.
    read -r outside rest < /proc/self/stat
    mount -t proc proc /proc
    # Names of network namespaces and what systemd-nspawn remembers must neither clash nor stay.
    mount -t tmpfs tmpfs /run
    mkdir /run/netns
    ip link set lo up
    ip link add fabric0 type bridge
    ip address add 192.0.2.1/24 dev fabric0
    ip link set fabric0 up
    ip link add lan0 type bridge
    ip link set lan0 up
    echo "$outside"
    exec cat > /dev/null
'
find /sys/fs/cgroup -depth -type d -path "*/${1##*/}*" -exec rmdir {} \; 2> /dev/null
rm -rf "$1"
