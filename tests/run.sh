#!/usr/bin/env bash
# Runs the test projects, all or those whose name contains an argument, and ends with the line "N passed, N failed".
# Fails when a test failed, when a project broke, or when nothing ran.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# A cluster that somebody works with is not for tests; `make e2e` is what runs against one.
unset KUBECONFIG

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
passed=0 failed=0

# count ATTRIBUTE FILE: the number that a result file gives for its assembly.
count() {
  local number
  number=$(grep -o '<assembly [^>]*' "$2" | grep -oP "(?<= $1=\")[0-9]+" | head -n 1)
  echo "${number:-0}"
}

# All at once is quicker than one project after the other; what does not build is a project that can't be run, and told below.
[[ $# -gt 0 ]] || dotnet build DaprK8s.sln --configuration Release --nologo --verbosity quiet || failed=1

for project in tests/*/*.csproj; do
  name=$(basename "$project" .csproj)
  grep -q xunit.v3 "$project" || continue
  wanted=$#
  for part in "$@"; do [[ $name != *"$part"* ]] || wanted=0; done
  [[ $wanted -eq 0 ]] || continue

  echo "== $name"
  file=$results/$name.xml code=0
  run=("tests/$name/bin/Release/net10.0/$name")
  # The stand-in for a cluster makes network namespaces and mounts.
  [[ $name != DaprK8s.Cluster.Tests || $(id -u) -eq 0 ]] || run=(sudo -n -E env "PATH=$PATH" "HOME=$HOME" "${run[@]}")
  [[ $# -eq 0 ]] || dotnet build "$project" --configuration Release --nologo --verbosity quiet || code=$?
  [[ $code -ne 0 ]] || "${run[@]}" -noLogo -noColor -failSkips -result-xml "$file" || code=$?
  failures=0
  if [[ -s $file ]]; then
    passed=$((passed + $(count passed "$file")))
    failures=$(($(count failed "$file") + $(count errors "$file")))
  fi
  # It did not build, crashed, or found fault with itself outside a test.
  [[ $code -eq 0 || $failures -gt 0 ]] || failures=1
  failed=$((failed + failures))
done

echo "$passed passed, $failed failed"
[[ $failed -eq 0 && $passed -gt 0 ]]
