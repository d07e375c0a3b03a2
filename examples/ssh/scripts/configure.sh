#!/bin/sh
# Runs on the host, with the inputs as its environment. `ctx` needs python3 there.
set -e
cp "$folder/page.txt" "$folder/configured.txt"
ctx logger info "configured $folder on $(uname -s)"
ctx instance runtime-properties folder "$folder"
ctx returns "configured for $(ctx deployment id)"
