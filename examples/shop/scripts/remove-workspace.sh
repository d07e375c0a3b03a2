#!/bin/bash
set -euo pipefail

directory=$(ctx instance runtime-properties directory)
[ -n "$directory" ] && rm -rf -- "$directory"
ctx logger info "Removed $directory"
