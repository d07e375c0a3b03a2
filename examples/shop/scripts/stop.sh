#!/bin/bash
# Stops the tier's server and waits until the process is gone; a zombie counts as gone.
set -euo pipefail

tier=$(ctx node id)
directory=$(ctx instance runtime-properties directory)
[ -s "$directory/$tier.pid" ] || { ctx logger info "The $tier was not running"; exit 0; }
pid=$(cat "$directory/$tier.pid")

runs() { [ -r "/proc/$pid/stat" ] && ! grep -q ') Z ' "/proc/$pid/stat"; }

kill "$pid" 2> /dev/null || true
for _ in $(seq 50); do
    runs || break
    sleep 0.1
done
if runs; then kill -9 "$pid"; fi
rm -f "$directory/$tier.pid" "$directory/$tier.port"
ctx logger info "The $tier (process $pid) is stopped"
