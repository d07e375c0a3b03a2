#!/bin/bash
# Puts the tier's program into the deployment's directory, after checking that it can run here.
set -euo pipefail

for program in perl setsid; do
    if ! command -v "$program" > /dev/null; then
        ctx abort-operation "\`$program\` is missing: apt-get install perl-base util-linux"
    fi
done
if ! perl -MIO::Socket::INET -e 1 2> /dev/null; then
    ctx abort-operation "Perl's IO::Socket::INET is missing: apt-get install perl-base"
fi

tier=$(ctx node id)
ctx download-resource "$server" "$directory/$tier.pl" > /dev/null
ctx instance runtime-properties directory "$directory"
ctx logger info "The $tier is ready to start"
