# What the unit promises and only a running systemd can keep.

# What systemd says of the process, and what the kernel says.
confinement() {
  step "the service under $(systemctl --version | head -n 1), Linux $(uname -r)"
  ready
  journalctl --unit "$unit" --output cat --no-pager
  # What its libraries complain of goes past its own log.
  if journalctl --unit "$unit" _COMM=socket-exporter --output cat --no-pager | grep --invert-match '^time='; then
    fail "these lines in the log are not the exporter's"
  fi
  local pid group
  pid=$(main_pid)
  group=/sys/fs/cgroup$(property ControlGroup)
  is DynamicUser "$(property DynamicUser)" yes
  local user
  user=$(stat --format %u "/proc/$pid")
  # The range that systemd gives such users from.
  [ "$user" -ge 61184 ] && [ "$user" -le 65519 ] || fail "it runs as user $user"
  echo "user of pid $pid: $user"
  is CapabilityBoundingSet "$(property CapabilityBoundingSet)" 'cap_dac_read_search cap_sys_ptrace cap_perfmon cap_bpf'
  is AmbientCapabilities "$(property AmbientCapabilities)" 'cap_dac_read_search cap_sys_ptrace cap_perfmon cap_bpf'
  is NoNewPrivs "$(status_line "$pid" NoNewPrivs)" 1
  is 'Seccomp (2: a filter)' "$(status_line "$pid" Seccomp)" 2

  is memory.max "$(cat "$group/memory.max")" $((256 << 20))
  is memory.swap.max "$(cat "$group/memory.swap.max")" 0
  is cpu.max "$(cat "$group/cpu.max")" '100000 100000'
  is pids.max "$(cat "$group/pids.max")" 64
  is 'open files' "$(awk '/^Max open files/ { print $4, $5 }' "/proc/$pid/limits")" '1024 1024'
  echo "memory.current: $(cat "$group/memory.current")"

  for place in / /var /etc /usr; do
    if nsenter --target "$pid" --mount touch "$place/written" 2>/tmp/refusal; then fail "it could write to $place"; fi
    grep --quiet 'Read-only file system' /tmp/refusal || fail "$place: $(cat /tmp/refusal)"
  done
  echo "/, /var, /etc, /usr: read-only"
  is 'what it sees of /home' "$(nsenter --target "$pid" --mount stat --format %a /home)" 0
  is 'what it sees of /tmp' "$(nsenter --target "$pid" --mount ls -A /tmp | wc --lines)" 0
}

status_line() { awk -v name="$2:" '$1 == name { print $2 }' "/proc/$1/status"; }
restarted() { [ "$(main_pid)" != 0 ] && [ "$(main_pid)" != "$1" ]; }

# It starts anew by itself: killed, past its memory, hanging. A flag that is wrong is not tried again.
recovery() {
  step "what ends it"
  local pid
  pid=$(main_pid)
  kill -KILL "$pid"
  eventually "killed, it is started anew" restarted "$pid"
  ready
  echo "killed: started anew"

  # Somebody else in its control group takes the memory, for the exporter itself takes a tenth of it.
  pid=$(main_pid)
  bash -c "echo \$\$ >/sys/fs/cgroup$(property ControlGroup)/cgroup.procs
    exec python3 -c 'bytearray(b\"x\" * (300 << 20))'" && fail "300 MiB fit into MemoryMax=256M"
  eventually "past its memory, it is started anew" restarted "$pid"
  ready
  journalctl --unit "$unit" --output cat --no-pager | grep --quiet 'oom-kill' || fail "the log does not tell why"
  echo "past MemoryMax: ended alone (oom-kill), started anew"

  mkdir --parents "$dropins"
  printf '[Service]\nWatchdogSec=10\n' >"$dropins/watchdog.conf"
  args --collect.interval=1s
  systemctl daemon-reload
  restart
  ready
  pid=$(main_pid)
  kill -STOP "$pid"
  eventually "hanging, it is started anew" restarted "$pid"
  journalctl --unit "$unit" --output cat --no-pager | grep --quiet 'Watchdog timeout' || fail "the log does not tell why"
  echo "hanging: ended by the watchdog, started anew"
  as_installed

  args --no-such-flag
  if restart; then fail "it starts with a flag that does not exist"; fi
  is 'after a wrong flag' "$(property ActiveState) $(property Result) $(property ExecMainStatus) $(property NRestarts)" \
    'failed exit-code 64 0'
  args ''
  restart
  ready

  systemctl stop "$unit"
  is 'after stop' "$(property ActiveState) $(property Result)" 'inactive success'
  systemctl start "$unit"
  ready
}

score() { systemd-analyze --no-pager security "$unit" | awk '/Overall exposure level/ { print $(NF - 2) }'; }
