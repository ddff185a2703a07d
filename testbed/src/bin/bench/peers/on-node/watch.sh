# Does what the script $2 says with each NIC of the table $1 (MAC, name, address), once, as soon as the kernel has it.
ip -oneline monitor link | while read -r line; do
    case $line in
        *Deleted*) continue ;;
        *link/ether*) ;;
        *) continue ;;
    esac
    mac=${line#*link/ether }
    mac=${mac%% *}
    case $seen in *$mac*) continue ;; esac
    wanted=$(grep "^$mac " "$1") || continue
    seen="$seen $mac"
    link=${line#*: }
    link=${link%%[@:]*}
    sh -e "$2" "$link" $wanted
done
