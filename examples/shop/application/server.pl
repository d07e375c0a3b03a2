#!/usr/bin/perl
# The shop's rules: asks the database for the products and counts visits. One connection is one
# request without content; the answer is `key: value` lines.
use strict;
use warnings;
use IO::Socket::INET;

my ($directory, $tier, $port, $backend, $region) = @ENV{qw(DIRECTORY TIER PORT BACKEND_PORT REGION)};

sub ask {
    my @requests = @_;
    my $database = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $backend, Timeout => 5)
        or return map { ["error: the database does not answer: $!\n"] } @requests;
    my @answers;
    for my $request (@requests) {
        print $database "$request\n";
        my @lines;
        while (defined(my $line = <$database>)) {
            last if $line eq "\n";
            push @lines, $line;
        }
        push @answers, \@lines;
    }
    return @answers;
}

my $listener = IO::Socket::INET->new(
    LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 64, ReuseAddr => 1,
) or die "listen on port $port: $!";
open my $ready, '>', "$directory/$tier.port.new" or die "port file: $!";
print $ready $listener->sockport;
close $ready;
rename "$directory/$tier.port.new", "$directory/$tier.port" or die "port file: $!";

$SIG{PIPE} = 'IGNORE';
while (my $client = $listener->accept) {
    my ($products, $visits) = ask('list', 'count visits');
    print $client "region: $region\n", "visits: @$visits";
    for my $product (@$products) {
        my ($name, $price) = split ' ', $product;
        printf $client "product: %s at %s\n", $name, $price;
    }
    close $client;
}
