#!/bin/sh
# Starts a node's nats-server again that cannot write any more although there is room. JetStream remembers a failed write for good,
# e.g. of a disk that was full for a while: its streams take nothing until the server is started again, and it answers nobody.
#
#   keeper.sh <health URL> <store folder> <free MiB> <command to start the server again...>
#   keeper.sh http://127.0.0.1:8222/healthz?details=true /var/lib/nats 1024 systemctl restart nats-server
#
# It looks once; a timer runs it each 10 seconds (README.md). A server that does not answer is left to its service manager.
set -eu
url=$1 store=$2 room=$3
shift 3
health=$(curl --silent --show-error --max-time 5 "$url") || exit 0
case $health in
*"write error"* | *"etStream not enabled"* | *"etstream not enabled"*) ;;
*) exit 0 ;;
esac
free=$(df --output=avail --block-size=1M "$store" | tail -n 1 | tr -d ' ')
if [ "$free" -lt "$room" ]; then
  echo "the bus cannot write, and its disk has ${free} MiB left of the ${room} MiB it needs: $health" >&2
  exit 1
fi
echo "the bus cannot write although its disk has ${free} MiB left; it is started again: $health" >&2
exec "$@"
