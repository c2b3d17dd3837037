# What the exporter counts by BPF and from /proc, beside what ss, lsof and /proc say of the same sockets. The kernel
# is Debian's, which is another one than the program was made on.
closed=37

series() { awk -v series="$1" '$1 == series { print $2 }' /tmp/metrics; }
held() { [ "$(ss -Htan state close-wait 'sport = :8000' | wc --lines)" = "$closed" ]; }

# The whole host's descriptors that are sockets, but for the exporter's own, of which it has more while it samples.
sockets_in_proc() {
  local own
  own=$(find "/proc/$(main_pid)/fd" -lname 'socket:*' 2>/dev/null | wc --lines)
  echo $(($(find /proc/[0-9]*/fd -lname 'socket:*' 2>/dev/null | wc --lines) - own))
}
sockets_on_page() {
  awk '/^socket_process_socket_fds\{/ && !/process="socket-exporter"/ { sum += $NF } END { print sum }' /tmp/metrics
}
whole_host_agrees() {
  page >/tmp/metrics
  echo "sockets of all processes: $(sockets_on_page), in /proc $(sockets_in_proc)" | tee /tmp/sockets
  [ "$(sockets_on_page)" = "$(sockets_in_proc)" ]
}

backends() {
  step "numbers beside ss, lsof and /proc"
  systemd-run --quiet --unit holder --property User=nobody python3 /packages/holder.py "$closed"
  eventually "$closed sockets in CLOSE_WAIT" held
  # A sample that began when all of them were there.
  sleep 1

  # As often as it can: under an emulator samples cost more than the share of a core that they may have.
  args --collect.cpu-budget=100%
  numbers 'bpf+sock_diag' 000000c000080004 1.9
  dropin only-bpf.conf
  args --collect.cpu-budget=100% --backend=bpf
  numbers 'bpf+sock_diag' 000000c000000000 1.7
  rm -r "$dropins"
  dropin only-procfs.conf
  args --collect.cpu-budget=100% --backend=procfs
  numbers 'procfs+sock_diag' 0000000000080004 1.8
  as_installed

  systemctl stop holder
}

numbers() { # backend, capabilities, score
  restart
  ready
  page >/tmp/metrics
  local pid holder
  pid=$(main_pid)
  holder=$(systemctl show --property MainPID --value holder)
  echo "-- ${dropins##*/}: $(cd "$dropins" 2>/dev/null && ls || echo none), $(tail -n 1 "$conffile")"
  grep '^socket_exporter_backend_info' /tmp/metrics
  is backend "$(series "socket_exporter_backend_info{backend=\"$1\"}")" 1
  is CapEff "$(status_line "$pid" CapEff)" "$2"
  is CapBnd "$(status_line "$pid" CapBnd)" "$2"
  is 'systemd-analyze security' "$(score)" "$3"
  if grep '^socket_exporter_collector_success.* 0$' /tmp/metrics; then fail "a collector fails"; fi
  is unreadable "$(series socket_processes_unreadable)" 0

  is 'CLOSE_WAIT of holder' "$(series 'socket_process_tcp_sockets{process="holder",state="close_wait"}')" "$closed"
  is '  by ss' "$(ss -Htanp state close-wait | grep --count "pid=$holder,")" "$closed"
  is '  by lsof' "$(lsof -nP -a -p "$holder" -i TCP -s TCP:CLOSE_WAIT -F f | grep --count '^f')" "$closed"
  is 'CLOSE_WAIT of the host' "$(series 'socket_tcp_sockets{state="close_wait",family="ipv4"}')" "$(ss -H4tan state close-wait | wc --lines)"
  is 'LISTEN of holder' "$(series 'socket_process_tcp_sockets{process="holder",state="listen"}')" 1
  is 'descriptors of holder' "$(series 'socket_process_open_fds{process="holder"}')" "$(find "/proc/$holder/fd" -type l | wc --lines)"
  local kind
  for kind in tcp udp unix; do
    is "  of these $kind" "$(series "socket_process_socket_fds{process=\"holder\",kind=\"$kind\"}")" \
      "$(lsof -nP -a -p "$holder" $([ "$kind" = unix ] && echo -U || echo "-i $kind") -F f | grep --count '^f')"
  done
  eventually "the sockets of all processes are as many as in /proc" whole_host_agrees
  cat /tmp/sockets
  echo "a sample takes $(series 'socket_exporter_collector_duration_seconds{collector="process"}') s"
}
