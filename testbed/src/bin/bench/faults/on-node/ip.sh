# $1 link, $2 MAC, $3 name, $4 address, $5 gateway, $6 network behind it, $7 table
[ "$1" = "$3" ] || ip link set "$1" name "$3"
ip address replace "$4" dev "$3"
ip link set "$3" up
ip route replace "$6" via "$5" dev "$3"
ip route replace default via "$5" dev "$3" table "$7"
ip rule del priority "$7" 2> /dev/null || true
ip rule add priority "$7" from "${4%/*}" lookup "$7"
