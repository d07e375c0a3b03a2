#!/bin/bash
ctx logger info "Looking for the key at $key_file"
if [ ! -e "$key_file" ]; then
    echo "There is no key at $key_file" >&2
    exit 3
fi
ctx logger info "The door is open"
