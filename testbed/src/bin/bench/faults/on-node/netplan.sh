# $1 link, $2 MAC, $3 name, $4 address, $5 gateway, $6 network behind it, $7 table
umask 077
cat > "/etc/netplan/60-$3.yaml" << END
network:
  version: 2
  ethernets:
    $3:
      match: {macaddress: "$2"}
      set-name: $3
      addresses: [$4]
      link-local: []
      accept-ra: false
      routes:
        - {to: "$6", via: $5}
        - {to: 0.0.0.0/0, via: $5, table: $7}
      routing-policy:
        - {from: ${4%/*}, table: $7, priority: $7}
END
netplan apply
