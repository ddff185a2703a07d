# $1 link, $2 MAC, $3 name, $4 address
ip link set "$1" name "$3"
ip address add "$4" dev "$3"
ip link set "$3" up
