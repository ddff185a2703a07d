# $1 link, $2 MAC, $3 name, $4 address
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
END
netplan apply
