#!/usr/bin/env bash
# The tests that install the chart and use it as a user does: against the cluster of KUBECONFIG, with the images of IMAGE_REGISTRY and
# IMAGE_TAG; without KUBECONFIG against the stand-in, with the executables in dist/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

name=DaprK8s.Cluster.Tests
dotnet build "tests/$name" --configuration Release --nologo --verbosity quiet
run=()
if [[ -z ${KUBECONFIG:-} ]]; then
  unset KUBECONFIG
  # The stand-in makes network namespaces and mounts.
  [[ $(id -u) -eq 0 ]] || run=(sudo -n -E env "PATH=$PATH" "HOME=$HOME")
fi
exec "${run[@]}" "tests/$name/bin/Release/net10.0/$name" -noLogo -noColor -failSkips -namespace DaprK8s.Cluster.Tests.Install
