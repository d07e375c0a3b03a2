#!/bin/sh
set -eu

ctx logger info "Goodbye: $(ctx instance runtime-properties text)"
