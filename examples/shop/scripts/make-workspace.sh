#!/bin/bash
# Makes the directory that holds the deployment's programs, data, logs and pid files.
set -euo pipefail

mkdir -p "$base_directory"
directory=$(mktemp -d "$base_directory/shop-$(ctx deployment id)-XXXXXX")
ctx instance runtime-properties directory "$directory"
ctx logger info "Files of this deployment are in $directory"
