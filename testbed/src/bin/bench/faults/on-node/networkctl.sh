# $1 link, $2 MAC, $3 name, $4 address, $5 gateway, $6 network behind it, $7 table
cat > "/etc/systemd/network/10-$3.network" << END
[Match]
MACAddress=$2

[Network]
Address=$4
LinkLocalAddressing=no
IPv6AcceptRA=no

[Route]
Destination=$6
Gateway=$5

[Route]
Destination=0.0.0.0/0
Gateway=$5
Table=$7

[RoutingPolicyRule]
Priority=$7
From=${4%/*}
Table=$7
END
networkctl reload
