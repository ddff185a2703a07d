# What cloud-init does at the first boot, without what has nothing to do with the network: it finds its datasource,
# writes the uplink's configuration in its own way, and installs its udev rule.
for n in $(seq 0 "$1"); do
    # For a veth, which has no permanent MAC address: networkd takes it by its name.
    directory=/etc/systemd/network/10-netplan-eth$n.network.d
    mkdir -p "$directory"
    printf '[Match]\nPermanentMACAddress=\nName=eth%s\n' "$n" > "$directory/veth.conf"
done
cloud-init init
cloud-init single --name install_hotplug --frequency always
# By this the hook knows that the boot is over.
touch /run/cloud-init/result.json
systemctl start cloud-init-hotplugd.socket
