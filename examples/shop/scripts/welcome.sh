#!/bin/bash
# Runs on the target's side once both tiers are up.
set -euo pipefail

ctx target instance runtime-properties client "$(ctx source instance id)"
ctx logger info "The $(ctx target node id) serves the $(ctx source node id)"
