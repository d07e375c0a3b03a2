#!/usr/bin/perl
# A key-value store over TCP. One request a line: `list` gives all products, `count NAME` adds one to
# a counter and gives its value. Every answer ends with an empty line.
use strict;
use warnings;
use IO::Socket::INET;

my ($directory, $tier, $port) = @ENV{qw(DIRECTORY TIER PORT)};

open my $file, '<', "$directory/products" or die "products: $!";
my @products = <$file>;
close $file;
my %counters;

my $listener = IO::Socket::INET->new(
    LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 64, ReuseAddr => 1,
) or die "listen on port $port: $!";
open my $ready, '>', "$directory/$tier.port.new" or die "port file: $!";
print $ready $listener->sockport;
close $ready;
rename "$directory/$tier.port.new", "$directory/$tier.port" or die "port file: $!";

while (my $client = $listener->accept) {
    $client->timeout(5);
    while (defined(my $request = <$client>)) {
        $request =~ s/\s+$//;
        if ($request eq 'list') { print $client @products }
        elsif ($request =~ /^count (\w+)$/) { print $client ++$counters{$1}, "\n" }
        else { print $client "error: unknown request\n" }
        print $client "\n";
    }
    close $client;
}
