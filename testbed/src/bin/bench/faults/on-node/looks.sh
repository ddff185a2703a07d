# Prints the addresses, routes and rules of the node each time they differ from what was printed before: a line with the
# nanosecond in which the look began, then all of them.
looks=$(mktemp)
printf 'address show\nroute show table all\nrule show\n' > "$looks"
while :; do
    at=$(date +%s%N)
    now=$(ip -4 -oneline -batch "$looks")
    [ "$now" = "$before" ] || printf 'look at %s\n%s\nend of look\n' "$at" "$now"
    before=$now
    sleep 0.005
done
