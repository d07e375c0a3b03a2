#!/bin/bash
# Writes the products, one `name price` a line, into the file that the database reads when it starts.
set -euo pipefail

directory=$(ctx instance runtime-properties directory)
tr ',:' '\n ' <<< "$products" > "$directory/products"
ctx logger info "The database holds $(wc -l < "$directory/products") products"
