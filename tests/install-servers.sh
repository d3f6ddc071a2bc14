#!/usr/bin/env bash
# Installs the servers that the tests start, and Node.js (Debian and Ubuntu). Does nothing when they are there. Needs root or sudo.
set -euo pipefail

declare -A needs=(
  [redis-server]='command -v redis-server'
  [postgresql]='ls /usr/lib/postgresql/*/bin/postgres'
  [rabbitmq-server]='test -x /usr/lib/rabbitmq/bin/rabbitmq-server'
  [util-linux]='command -v setpriv'
  [iproute2]='PATH=$PATH:/usr/sbin command -v ip'
  [nodejs]='command -v node'
  [npm]='command -v npm'
)

missing=()
for package in "${!needs[@]}"; do
  bash -c "${needs[$package]}" >/dev/null 2>&1 || missing+=("$package")
done
[ "${#missing[@]}" -eq 0 ] && exit 0

exec "$(dirname "${BASH_SOURCE[0]}")/../.ci/install" "${missing[@]}"
