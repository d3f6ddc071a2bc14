#!/usr/bin/env bash
# Installs the servers that the tests start (Debian and Ubuntu). Does nothing when they are there. Needs root or sudo.
set -euo pipefail

declare -A needs=(
  [redis-server]='command -v redis-server'
  [postgresql]='ls /usr/lib/postgresql/*/bin/postgres'
  [rabbitmq-server]='test -x /usr/lib/rabbitmq/bin/rabbitmq-server'
  [util-linux]='command -v setpriv'
)

missing=()
for package in "${!needs[@]}"; do
  bash -c "${needs[$package]}" >/dev/null 2>&1 || missing+=("$package")
done
[ "${#missing[@]}" -eq 0 ] && exit 0

command -v apt-get >/dev/null || { echo "install these yourself, there is no apt-get here: ${missing[*]}" >&2; exit 1; }
root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "run this as root, or install these yourself: ${missing[*]}" >&2; exit 1; }
  root=(sudo)
fi

# The packages start their services when installed, unless this file forbids it. One that is there already stays.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
  "${root[@]}" chmod +x "$policy"
  trap '"${root[@]}" rm -f "$policy"' EXIT
fi

echo "installing ${missing[*]}"
"${root[@]}" apt-get update -q
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
