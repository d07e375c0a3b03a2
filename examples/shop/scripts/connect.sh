#!/bin/bash
# Tells the source tier where its target listens.
set -euo pipefail

port=$(ctx target instance runtime-properties port)
ctx source instance runtime-properties backend_port "$port"
ctx logger info "The $(ctx source node id) will ask the $(ctx target node id) on port $port"
