#!/usr/bin/perl
# The shop's web server: answers every GET with a page made of what the application says.
use strict;
use warnings;
use IO::Socket::INET;

my ($directory, $tier, $port, $backend) = @ENV{qw(DIRECTORY TIER PORT BACKEND_PORT)};

sub page {
    my $application = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $backend, Timeout => 5)
        or return ('502 Bad Gateway', "<p>The application does not answer: $!</p>\n");
    my %said;
    while (defined(my $line = <$application>)) {
        push @{ $said{$1} }, $2 if $line =~ /^(\w+): (.*)$/;
    }
    my $rows = join '', map { "<li>$_</li>\n" } @{ $said{product} || [] };
    my $region = $said{region}[0] // '?';
    my $visits = $said{visits}[0] // '?';
    return ('200 OK', "<h1>The shop in $region</h1>\n<ul>\n$rows</ul>\n<p>Visit number $visits</p>\n");
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
    my $request = <$client> // '';
    while (defined(my $header = <$client>)) { last if $header =~ /^\r?$/ }
    my ($status, $body) = $request =~ /^GET / ? page() : ('405 Method Not Allowed', "<p>Only GET</p>\n");
    print $client "HTTP/1.1 $status\r\nContent-Type: text/html\r\nConnection: close\r\n",
        'Content-Length: ', length $body, "\r\n\r\n", $body;
    close $client;
}
