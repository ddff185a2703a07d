# $1 link, $2 MAC, $3 name, $4 address
printf '[Match]\nMACAddress=%s\n\n[Link]\nName=%s\n' "$2" "$3" > "/etc/systemd/network/10-$3.link"
printf '[Match]\nMACAddress=%s\n\n[Network]\nAddress=%s\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n' "$2" "$4" \
    > "/etc/systemd/network/10-$3.network"
networkctl reload
