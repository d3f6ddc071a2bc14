#!/usr/bin/env bash
# Runs the two sample apps, each beside its sidecar, and sentry, which gives the sidecars their identities; shows the logs until
# Ctrl-C.
#
#   BACKEND=embedded       SQLite for state and messages, nothing to install (the default)
#   BACKEND=servers        Redis and RabbitMQ, started here unless REDIS_HOST (host:port) or RABBITMQ_URL names one
#   ORDER_EVERY_SECONDS=2  how often a customer orders something; 0 for never
#   MTLS=off               sidecars talk to each other in clear text, without sentry
#   DAPRD=/path/to/daprd   another sidecar than the one of this repository
#   SENTRY=/path/to/sentry another sentry
#   RUN_DIR=.run           databases, logs and the ports in use
#   FIRST_PORT=20000       ports from there on, instead of the usual ones (5080, 3500, ...) or the next free ones above them
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
run=$(mkdir -p "${RUN_DIR:-.run}" && cd "${RUN_DIR:-.run}" && pwd)
backend=${BACKEND:-embedded}
mtls=${MTLS:-on}

bold='' red='' reset=''
colours=('' '' '' '' '')
if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
  bold=$'\e[1m' red=$'\e[31m' reset=$'\e[0m'
  colours=($'\e[36m' $'\e[34m' $'\e[33m' $'\e[35m' $'\e[32m')
fi

names=()             # in the order of starting
declare -A pid=()    # of each name
writers=()           # the processes that write the logs
step=''              # the pid of a build step that is under way
temporary=''         # where the servers of this run keep their data

say() { printf '%s\n' "$bold$*$reset"; }
fail() { printf '%s\n' "$red$*$reset" >&2; shut_down; exit 1; }

# --- What must be there -------------------------------------------------------------------------------------------------------

check_tools() {
  [[ $backend == embedded || $backend == servers ]] || fail "BACKEND is 'embedded' or 'servers', not '$backend'"
  [[ $mtls == on || $mtls == off ]] || fail "MTLS is 'on' or 'off', not '$mtls'"
  if ! dotnet --list-sdks 2>/dev/null | grep -q '^10\.'; then
    fail "the .NET 10 SDK is missing; see https://dot.net/download, or: curl -sSL https://dot.net/v1/dotnet-install.sh | bash -s -- --channel 10.0"
  fi
  install_missing node:nodejs npm:npm setpriv:util-linux
  if [[ $backend == servers ]]; then
    [[ -n ${REDIS_HOST:-} ]] || install_missing redis-server:redis-server
    [[ -n ${RABBITMQ_URL:-} ]] || install_missing rabbitmq-server:rabbitmq-server
  fi
}

# install_missing COMMAND:PACKAGE...
install_missing() {
  local need packages=()
  for need in "$@"; do
    PATH=$PATH:/usr/sbin command -v "${need%%:*}" >/dev/null || packages+=("${need#*:}")
  done
  [[ ${#packages[@]} -eq 0 ]] || .ci/install "${packages[@]}" || fail "could not install ${packages[*]}"
}

# In the background, so that a signal is heard at once; in a session of its own, so that shut_down can end all of it.
build_step() {
  local code=0 log=$run/logs/build.log
  setsid "$@" >"$log" 2>&1 </dev/null 9>&- &
  step=$!
  wait "$step" || code=$?
  step=''
  [[ $code -eq 0 ]] || { cat "$log" >&2; fail "failed: $*"; }
}

build() {
  say "building (a first time takes a minute or two)"
  find_service daprd sidecar "${DAPRD:-}" && daprd=("${found[@]}")
  [[ $mtls == off ]] || { find_service sentry sentry "${SENTRY:-}" && sentry=("${found[@]}"); }
  dotnet_build samples/orders
  if [[ ! samples/warehouse/node_modules/.package-lock.json -nt samples/warehouse/package-lock.json ]]; then
    build_step npm ci --prefix samples/warehouse --no-audit --no-fund --ignore-scripts --loglevel=error
  fi
}

# find_service NAME FOLDER CHOSEN: puts the command of a service into found.
find_service() {
  if [[ -n $3 ]]; then
    found=("$3")
  elif [[ -x dist/$1 && -z $(newer_sources "$1" "$2") ]]; then
    found=("$root/dist/$1")
  else
    # Not the ahead-of-time compiled one: that takes minutes and a C toolchain. It is the same code.
    dotnet_build "$2"
    found=(dotnet "$root/$2/bin/Release/net10.0/$1.dll")
  fi
}

newer_sources() {
  find protos common components "$2" Directory.*.props -type f -newer "dist/$1" -not -path '*/bin/*' -not -path '*/obj/*' -print -quit
}

# Without build servers, which would stay behind.
dotnet_build() { build_step dotnet build "$1" --configuration Release --nologo --disable-build-servers; }

# --- Ports --------------------------------------------------------------------------------------------------------------------

given=' '

# Puts the first free port from $1 on into REPLY, or from FIRST_PORT on.
free_port() {
  REPLY=${FIRST_PORT:-$1}
  while listening "$REPLY" || [[ $given == *" $REPLY "* ]]; do
    REPLY=$((REPLY + 1))
  done
  given+="$REPLY "
}

# Whether anybody on this machine listens on a port: state 0A in the kernel's table.
listening() {
  grep -qE "^ *[0-9]+: [0-9A-F]+:$(printf %04X "$1") [0-9A-F]+:[0-9A-F]{4} 0A" /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# Whether http://127.0.0.1:$1$2 answers with 2xx.
answers() {
  local status=''
  { exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
  printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$2" >&3
  read -r -t 2 status <&3 || true
  exec 3>&-
  [[ $status == *' 2'?? || $status == *' 2'??' '* ]]
}

# --- Processes ----------------------------------------------------------------------------------------------------------------

# Of a line of ours the terminal shows level and message; the file has all of it.
shorten='s/^time="[^"]*" level=\([a-z]*\) msg="\(.*\)" \(app_id\|instance\)=.*/\1: \2/'

# start NAME COLOUR COMMAND...: its log goes to a file and, with its name in front, to the terminal.
start() {
  local name=$1 label log
  label=$(printf '%s%-15s|%s ' "$2" "$1" "$reset")
  log=$run/logs/$name.log
  shift 2
  # The writers hear no signal: they end when the process at the other end has said its last word.
  exec {log_pipe}> >(trap '' INT TERM HUP; exec sed -u -e "w $log" -e "$shorten" -e "s/^/$label/")
  writers+=($!)
  launch "$name" "$@" >&"$log_pipe" 2>&1
  exec {log_pipe}>&-
}

# start_server NAME COMMAND...: its log goes to a file only.
start_server() {
  local name=$1
  shift
  launch "$name" "$@" >"$run/logs/$name.log" 2>&1
}

# In a session of its own, so that Ctrl-C reaches this script alone and the order of stopping is ours; and told by the kernel
# to stop should this script be killed.
launch() {
  local name=$1
  shift
  setsid setpriv --pdeathsig TERM -- "$@" </dev/null 9>&- &
  pid[$name]=$!
  names+=("$name")
}

alive() { kill -0 "${pid[$1]}" 2>/dev/null; }

# wait_until NAME WHAT COMMAND...: until the command succeeds, unless NAME ends or a minute has passed.
wait_until() {
  local name=$1 what=$2 deadline=$((SECONDS + 60))
  shift 2
  until "$@"; do
    alive "$name" || fail "$name ended before $what; its log is $run/logs/$name.log"
    ((SECONDS < deadline)) || fail "a minute has passed and still not: $what; the log is $run/logs/$name.log"
    sleep 0.1
  done
}

# end NAME...: SIGTERM to all at once, as an orchestrator does; SIGKILL for those that are there 15 seconds later.
end() {
  local name deadline=$((SECONDS + 15)) left=("$@")
  for name in "$@"; do kill -TERM "${pid[$name]}" 2>/dev/null || true; done
  while [[ ${#left[@]} -gt 0 ]] && ((SECONDS < deadline)); do
    sleep 0.05
    left=()
    for name in "$@"; do ! alive "$name" || left+=("$name"); done
  done
  for name in "${left[@]}"; do
    printf '%s\n' "${red}$name does not stop; killed$reset"
    kill -KILL "${pid[$name]}" 2>/dev/null || true
  done
}

unclean=0

# report NAME...: how each ended.
report() {
  local name code
  for name in "$@"; do
    code=0
    wait "${pid[$name]}" 2>/dev/null || code=$?
    printf '  %-16s exit code %s\n' "$name" "$code"
    [[ $code -eq 0 ]] || unclean=1
  done
}

shut_down() {
  trap 'say "stopping already"' INT TERM HUP
  [[ -z $step ]] || { kill -KILL -- "-$step" && wait "$step"; } 2>/dev/null || true # a build has nothing to put in order
  local name ours=() servers=()
  for name in "${names[@]}"; do
    case $name in redis | rabbitmq | epmd) servers+=("$name") ;; *) ours+=("$name") ;; esac
  done
  if [[ ${#ours[@]} -gt 0 ]]; then
    end "${ours[@]}"
    wait "${writers[@]}" 2>/dev/null || true
    report "${ours[@]}"
  fi
  [[ ${#servers[@]} -eq 0 ]] || end "${servers[@]}"
  [[ -z $temporary ]] || rm -rf "$temporary"
  rm -f "$run/ports"
}

stop_on_signal() {
  printf '\n'
  say "stopping"
  shut_down
  if [[ $unclean -ne 0 ]]; then
    printf '%s\n' "${red}stopped, but not everything ended in order$reset"
    exit 1
  fi
  say "stopped; nothing is left running"
  exit 0
}

# --- The parts ----------------------------------------------------------------------------------------------------------------

start_servers() {
  temporary=$(mktemp -d "${TMPDIR:-/tmp}/samples.XXXXXX")
  if [[ -z ${REDIS_HOST:-} ]]; then
    free_port 6379
    export REDIS_HOST=127.0.0.1:$REPLY
    start_server redis redis-server --bind 127.0.0.1 --port "$REPLY" --dir "$temporary" --save '' --daemonize no
    wait_until redis "Redis listens on $REDIS_HOST" listening "$REPLY"
  fi
  if [[ -z ${RABBITMQ_URL:-} ]]; then
    start_rabbitmq
  fi
}

start_rabbitmq() {
  local port mapper distribution server=/usr/lib/rabbitmq/bin/rabbitmq-server
  [[ -x $server ]] || server=$(PATH=$PATH:/usr/sbin command -v rabbitmq-server)
  free_port 5672 && port=$REPLY
  free_port 4369 && mapper=$REPLY
  free_port 25672 && distribution=$REPLY
  printf '[].\n' >"$temporary/enabled_plugins"
  : >"$temporary/rabbitmq.conf" && : >"$temporary/env.conf"
  # Erlang's port mapper would be started by the broker as a daemon that stays behind, so it gets one of its own.
  start_server epmd epmd -port "$mapper" -address 127.0.0.1
  start_server rabbitmq env -C "$temporary" HOME="$temporary" \
    ERL_EPMD_PORT="$mapper" ERL_EPMD_ADDRESS=127.0.0.1 \
    RABBITMQ_NODENAME="samples$port@localhost" RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT="$port" \
    RABBITMQ_DIST_PORT="$distribution" RABBITMQ_CONF_ENV_FILE="$temporary/env.conf" \
    RABBITMQ_CONFIG_FILE="$temporary/rabbitmq.conf" RABBITMQ_ENABLED_PLUGINS_FILE="$temporary/enabled_plugins" \
    RABBITMQ_MNESIA_BASE="$temporary/mnesia" RABBITMQ_LOG_BASE="$temporary/log" RABBITMQ_LOGS=- \
    RABBITMQ_PID_FILE="$temporary/pid" RABBITMQ_GENERATED_CONFIG_DIR="$temporary/generated" \
    RABBITMQ_ALLOW_INPUT=1 RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-noinput \
    "$server"
  export RABBITMQ_URL=amqp://guest:guest@127.0.0.1:$port
  wait_until rabbitmq "RabbitMQ listens on port $port" listening "$port"
}

declare -A port=() # "orders app", "orders http", ...

# Its certificates and keys are kept between runs, as databases are.
start_sentry() {
  local api health
  free_port 50101 && api=$REPLY
  free_port 8080 && health=$REPLY
  free_port 9090 && port["sentry metrics"]=$REPLY
  mkdir -p "$run/data/sentry"
  start sentry "${colours[4]}" "${sentry[@]}" --issuer-credentials "$run/data/sentry" \
    --port "$api" --listen-address 127.0.0.1 --healthz-port "$health" --healthz-listen-address 127.0.0.1 \
    --metrics-port "${port["sentry metrics"]}" --metrics-listen-address 127.0.0.1
  wait_until sentry "sentry is ready" answers "$health" /healthz
  DAPR_TRUST_ANCHORS=$(<"$run/data/sentry/ca.crt")
  export DAPR_TRUST_ANCHORS
  secure=(--enable-mtls --sentry-address "127.0.0.1:$api")
}

# start_pair APP COMMAND...: an app and its sidecar.
start_pair() {
  local app=$1 colour=$((${#apps[@]} * 2)) use
  shift
  apps+=("$app")
  for use in app:5080 http:3500 grpc:50001 metrics:9090; do
    free_port "${use#*:}"
    port["$app ${use%:*}"]=$REPLY
  done
  start "$app" "${colours[colour]}" env -C "samples/$app" \
    APP_PORT="${port["$app app"]}" ASPNETCORE_URLS="http://127.0.0.1:${port["$app app"]}" \
    DAPR_HTTP_PORT="${port["$app http"]}" DAPR_GRPC_PORT="${port["$app grpc"]}" "$@"
  start "$app-daprd" "${colours[colour + 1]}" env -C "$run/data" "${daprd[@]}" \
    --app-id "$app" --app-port "${port["$app app"]}" \
    --dapr-http-port "${port["$app http"]}" --dapr-grpc-port "${port["$app grpc"]}" --dapr-listen-addresses 127.0.0.1 \
    --metrics-port "${port["$app metrics"]}" --metrics-listen-address 127.0.0.1 \
    --resources-path "$root/samples/resources/$backend" "${secure[@]}"
}

welcome() {
  local here=http://127.0.0.1 use data orders sidecar
  orders=$here:${port["orders app"]}
  sidecar=$here:${port["orders http"]}/v1.0
  data=$([[ $backend == embedded ]] && echo "$run/data" || echo "$REDIS_HOST, ${RABBITMQ_URL##*@}")
  for use in "${!port[@]}"; do echo "$use ${port[$use]}"; done | sort >"$run/ports"
  cat <<TEXT
${bold}
Ready. Watch the orders go by, or try these in another terminal:$reset

  place an order             curl -s $orders/orders -H 'content-type: application/json' -d '{"sku":"tea","quantity":2}'
  look it up                 curl -s $orders/orders/<id>
  ask the warehouse through
    the sidecar of orders    curl -s $sidecar/invoke/warehouse/method/stock/tea
  read the warehouse's state curl -s $here:${port["warehouse http"]}/v1.0/state/statestore/shelf-tea
  what the sidecar has       curl -s $sidecar/metadata
  its metrics                curl -s $here:${port["orders metrics"]}/metrics

  logs: $run/logs    data: $data
${bold}Ctrl-C stops everything.$reset

TEXT
}

# --- The run ------------------------------------------------------------------------------------------------------------------

mkdir -p "$run/logs" "$run/data"
exec 9>"$run/lock"
flock -n 9 || { printf '%s\n' "${red}a run is under way already in $run$reset" >&2; exit 1; }
rm -f "$run/ports"
trap stop_on_signal INT TERM HUP

check_tools
build
[[ $backend == embedded ]] || { say "starting the servers"; start_servers; }

secure=()
[[ $mtls == off ]] || { say "starting sentry"; start_sentry; }

say "starting the apps and their sidecars"
apps=()
start_pair orders dotnet bin/Release/net10.0/orders.dll
start_pair warehouse node app.js
for app in "${apps[@]}"; do
  wait_until "$app-daprd" "the sidecar of $app is ready" answers "${port["$app http"]}" /v1.0/healthz
done
welcome

ended=''
wait -n -p ended "${pid[@]}" || true
for name in "${names[@]}"; do
  [[ ${pid[$name]} != "$ended" ]] || fail "$name ended by itself; its log is $run/logs/$name.log"
done
