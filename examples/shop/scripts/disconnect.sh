#!/bin/bash
set -euo pipefail

ctx source instance runtime-properties backend_port ''
ctx logger info "The $(ctx source node id) no longer asks the $(ctx target node id)"
