#!/usr/bin/python3
"""What a shell offers to somebody who has typed a line and asks for all that can come next.

    offered.py bash|zsh|fish DIRECTORY LINE

DIRECTORY has the files that packaging/documents writes. Prints the words that are offered, one a line. Bash and zsh run
on a terminal of their own, are asked by a key, and tell what that made of the line; fish has a command for it.
"""

import os
import pty
import subprocess
import sys
import tempfile

READY, START, END = b"\1", b"\2", b"\3"
INSERT_ALL, TELL = b"\x19", b"\x14"  # Control and y, Control and t

BASH = r"""
PS1=
bind 'set enable-bracketed-paste off'
. {directory}/socket-exporter.bash
tell() {{ printf '\2%s\3' "$READLINE_LINE"; exit; }}
bind '"\C-y": insert-completions'
bind -x '"\C-t": tell'
printf '\1'
"""

ZSH = r"""
PS1= fpath=({directory} $fpath)
autoload -Uz compinit && compinit -u -D
zle -C insert-all complete-word _generic
zstyle ':completion:insert-all:*' completer _all_matches _complete
zstyle ':completion:insert-all:*' insert yes
tell() {{ print -nr -- $'\2'$BUFFER$'\3'; exit }}
zle -N tell
bindkey '^Y' insert-all
bindkey '^T' tell
print -n '\1'
"""


def completed(shell, setup, line):
    """The line after the key, as the shell has it."""
    with tempfile.TemporaryDirectory() as home:
        start = os.path.join(home, ".zshrc")
        with open(start, "w", encoding="utf-8") as file:
            file.write(setup)
        process, terminal = pty.fork()
        if process == 0:
            os.environ.update(HOME=home, ZDOTDIR=home, TERM="dumb", LC_ALL="C.UTF-8")
            quiet = {"bash": ["--noprofile", "--rcfile", start], "zsh": ["-d"]}[shell]
            os.execvp(shell, [shell, *quiet, "-i"])
        shown = until(terminal, READY)
        os.write(terminal, line.encode() + INSERT_ALL + TELL)
        shown += until(terminal, END)
        os.close(terminal)
        os.waitpid(process, 0)
    return shown.split(START)[-1].split(END)[0].decode()


def until(terminal, mark):
    shown = b""
    while mark not in shown:
        shown += os.read(terminal, 4096)
    return shown


def words(shell, directory, line):
    if shell == "fish":
        script = f"source {directory}/socket-exporter.fish; complete --do-complete $argv[1]"
        asked = subprocess.run(
            ["fish", "--no-config", "--command", script, "--", line],
            check=True, capture_output=True, text=True)
        return [row.split("\t")[0] for row in asked.stdout.splitlines()]
    setup = {"bash": BASH, "zsh": ZSH}[shell].format(directory=directory)
    result = completed(shell, setup, line)
    if result == line:
        return []
    return result[line.rfind(" ") + 1:].split()


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__.strip())
    for word in words(*sys.argv[1:]):
        # Each shell has its own idea of whether --option=value is one word, and of the end of a directory.
        print(word.rstrip("=/").split("=")[-1])


if __name__ == "__main__":
    main()
