#!/bin/bash
# Starts the tier's server in a session of its own and waits until it says on which port it listens.
set -euo pipefail

tier=$(ctx node id)
directory=$(ctx instance runtime-properties directory)
backend_port=$(ctx instance runtime-properties backend_port 2> /dev/null || true)

rm -f "$directory/$tier.port"
DIRECTORY=$directory TIER=$tier PORT=$port BACKEND_PORT=$backend_port REGION=$region \
    setsid perl "$directory/$tier.pl" < /dev/null > "$directory/$tier.log" 2>&1 &
pid=$!
echo "$pid" > "$directory/$tier.pid"
ctx instance runtime-properties pid "$pid"

for _ in $(seq 100); do
    if [ -s "$directory/$tier.port" ]; then
        actual=$(cat "$directory/$tier.port")
        ctx instance runtime-properties port "$actual"
        ctx logger info "The $tier listens on port $actual (process $pid)"
        exit 0
    fi
    if ! kill -0 "$pid" 2> /dev/null; then
        ctx abort-operation "The $tier ended at once: $(tail -n 3 "$directory/$tier.log")"
    fi
    sleep 0.1
done
kill "$pid"
ctx abort-operation "The $tier did not listen within 10 seconds: $(tail -n 3 "$directory/$tier.log")"
