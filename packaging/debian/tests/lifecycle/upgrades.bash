# Upgrades of hosts where something is out of the ordinary. None of them may fail, for apt would stop in the middle.

# To the other of the two versions.
upgrade() {
  local to=$new
  [ "$(version)" = "$(dpkg-deb --field "$old" Version)" ] || to=$old
  dpkg --force-downgrade --install "$to" >/tmp/dpkg.log 2>&1 || { cat /tmp/dpkg.log; fail "dpkg --install $to"; }
  is 'dpkg says' "$(dpkg-query --show --showformat '${Status}' socket-exporter)" 'install ok installed'
}

state() { echo "$(systemctl is-enabled "$unit" || true) $(systemctl is-active "$unit" || true)"; }

upgrades() {
  step "upgrade with a wrong flag"
  args --no-such-flag
  upgrade
  is 'the service' "$(state)" 'enabled failed'
  as_installed

  step "upgrade while somebody else has the port"
  systemctl stop "$unit"
  systemd-run --quiet --unit taker python3 -m http.server 9477
  eventually "somebody has the port" page 9477 /
  upgrade
  [ "$(state)" != 'enabled active' ] || fail "the service runs without a port"
  journalctl --unit "$unit" --output cat --no-pager | tail -n 4
  systemctl stop taker
  ready
  echo "the port is free again: the service runs"

  step "upgrade of a service that is masked, disabled, stopped"
  systemctl stop "$unit"
  systemctl --quiet mask "$unit"
  upgrade
  is 'the masked service' "$(state)" 'masked inactive'
  systemctl --quiet unmask "$unit"
  systemctl --quiet disable "$unit"
  upgrade
  is 'the disabled service' "$(state)" 'disabled inactive'
  systemctl --quiet enable "$unit"
  upgrade
  is 'the service that is enabled and was stopped' "$(state)" 'enabled active'
  ready

  step "needrestart"
  is 'after an upgrade it asks for' "$(asks_for_restart)" nothing
  local library
  library=$(awk '/libmicrohttpd/ { print $NF; exit }' "/proc/$(main_pid)/maps")
  cp --archive "$library" "$library.new"
  mv "$library.new" "$library"
  is "with another $(basename "$library")" "$(asks_for_restart)" "$unit"
  restart
  is 'after a restart' "$(asks_for_restart)" nothing
  ready
}

asks_for_restart() {
  needrestart -b -r l 2>/dev/null | sed -n 's/^NEEDRESTART-SVC: //p' | grep --line-regexp "$unit" || echo nothing
}

# What README.Debian tells. That systemd holds the port shows where nobody else can answer.
socket_activation() {
  step "socket activation"
  dropin socket-activation.conf
  systemctl stop "$unit"
  systemctl --quiet enable --now socket-exporter.socket
  is 'the service' "$(property ActiveState)" inactive
  echo "the first scrape: $(curl --silent --fail --max-time 600 http://localhost:9477/-/healthy)"
  ready
  is 'its arguments' "$(tr '\0' ' ' <"/proc/$(main_pid)/cmdline")" '/usr/bin/socket-exporter --web.systemd-socket '
  is 'systemd-analyze security' "$(score)" 1.7

  step "upgrade under requests"
  systemd-run --quiet --unit requests /packages/requests
  sleep 2
  local pid
  pid=$(main_pid)
  upgrade
  restarted "$pid" || fail "upgraded, but still pid $pid"
  ready
  sleep 2
  systemctl stop requests
  local asked refused
  read -r asked refused </tmp/requests
  is "requests that were not answered, of $asked" "$refused" 0
}
