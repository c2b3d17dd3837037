# What the package brings, wherever it is installed.

# Everything that a package could leave behind. What is pruned changes by itself, or is dpkg's own book-keeping.
files() {
  find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/tmp \
    -o -path /var/log -o -path /var/cache -o -path /var/lib/apt -o -path /packages \) -prune -o -print |
    grep --invert-match --extended-regexp '^/var/lib/dpkg/(lock.*|status.*|available.*|triggers/.*|diversions.*|statoverride.*)$' |
    sort
}

files_in_place() {
  step "files of socket-exporter $(version)"
  dpkg --verify socket-exporter | tee /tmp/changed
  [ ! -s /tmp/changed ] || fail "files differ from what the package has"
  dpkg --listfiles socket-exporter | while read -r file; do [ -e "$file" ] || fail "$file is missing"; done
  dpkg-query --show --showformat '${Conffiles}\n' socket-exporter | grep --quiet " $conffile " || fail "$conffile is no conffile"
  socket-exporter --version

  man --warnings --pager cat socket-exporter >/tmp/page 2>/tmp/warnings
  [ ! -s /tmp/warnings ] || fail "the man page: $(cat /tmp/warnings)"
  grep --quiet -e '--web.listen-address' /tmp/page || fail "the man page does not tell --web.listen-address"
  echo "man page: $(wc --lines </tmp/page) lines"
}

# That each shell finds its file where the package puts it; what the files complete is tested with the program.
completions() {
  step "completions"
  bash -c '. /usr/share/bash-completion/bash_completion; _completion_loader socket-exporter
    complete -p socket-exporter' || fail "bash knows no completion"
  fish --command 'complete --do-complete "socket-exporter serve --web.li"' | tee /tmp/fish
  grep --quiet -e '--web.listen-address' /tmp/fish || fail "fish completes nothing"
  zsh -f -c 'autoload -Uz compinit && compinit -u -D && print "$_comps[socket-exporter]" &&
    autoload +X "$_comps[socket-exporter]"' || fail "zsh knows no completion"
}

units() {
  step "units"
  is "$unit" "$(systemctl is-enabled "$unit")" enabled
  dpkg --listfiles socket-exporter | sed -n 's#^/lib/systemd/system/##p' | while read -r name; do
    [ "$name" = "$unit" ] || is "$name" "$(systemctl is-enabled "$name" || true)" disabled
  done
}
