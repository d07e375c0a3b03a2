#!/bin/sh
# Inputs of an operation arrive as environment variables; runtime properties are set through `ctx`.
set -eu

text="Hello, $name!"
ctx logger info "$text"
ctx instance runtime-properties text "$text"
