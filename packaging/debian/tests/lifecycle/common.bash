# What the steps of `run` share.
unit=socket-exporter.service
conffile=/etc/default/socket-exporter
dropins=/etc/systemd/system/$unit.d

booted() { [ -d /run/systemd/system ]; }
step() { printf '\n== %s\n' "$*"; }
fail() { echo "FAILED: $*" >&2; exit 1; }
apt() { apt-get --quiet=2 --yes -o Dpkg::Use-Pty=0 "$@" >/tmp/apt.log 2>&1 || { cat /tmp/apt.log; fail "apt-get $*"; }; }
version() { dpkg-query --show --showformat '${Version}' socket-exporter; }

page() { curl --silent --show-error --fail --max-time 60 "http://localhost:${1:-9477}${2:-/metrics}"; }
property() { systemctl show --property "$1" --value "$unit"; }
main_pid() { property MainPID; }
args() { sed --in-place "s/^ARGS=.*/ARGS=\"$*\"/" "$conffile"; }

# Waits for what takes its time under an emulator. The end of patience is there for what hangs.
eventually() { # what, then a command that succeeds once it is so
  for _ in $(seq 600); do
    "${@:2}" >/dev/null 2>&1 && return
    sleep 1
  done
  systemctl status --no-pager --full "$unit" || true
  fail "$1"
}

ready() { eventually "an answer from port ${1:-9477}" page "${1:-9477}" /-/ready; }

is() { # what, found, expected
  [ "$2" = "$3" ] || fail "$1: ${2:-nothing} instead of $3"
  echo "$1: $2"
}

unchanged() {
  [ "$(sha256sum "$conffile")" = "$checksum" ] || fail "$conffile is not as it was"
  echo "$conffile: as it was"
}

dropin() { # a drop-in of the package, as README.Debian tells
  install -D -m 644 -t "$dropins" "/usr/share/socket-exporter/systemd/$1"
  systemctl daemon-reload
}

# Systemd limits how often a unit is started in ten seconds, which is not what is tried here.
restart() {
  systemctl reset-failed "$unit"
  systemctl restart "$unit"
}

# To the flags and the unit that the package has.
as_installed() {
  rm -rf "$dropins"
  args ''
  systemctl daemon-reload
  restart
  ready
}
