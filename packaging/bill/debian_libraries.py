"""The shared libraries that a binary loads, and the packages of Debian that they are of."""

import re
import subprocess
from dataclasses import dataclass, field
from urllib.parse import quote


@dataclass
class Library:
    package: str
    version: str
    architecture: str
    source: str
    release: str
    files: list[str] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)
    """The files that its files load."""

    @property
    def purl(self):
        version = quote(self.version, safe=":~")
        return f"pkg:deb/debian/{self.package}@{version}?arch={self.architecture}&distro=debian-{self.release}"


def loaded(binary):
    """All of them, also those that only a library loads, ordered by package."""
    paths = dict(re.findall(r"^\s(\S+) => (/\S+) ", output("ldd", str(binary)), re.MULTILINE))
    release = re.search(r'^VERSION_ID="?([^"\n]+)', open("/etc/os-release", encoding="utf-8").read(), re.MULTILINE)[1]
    libraries = {}
    for name in sorted(paths):
        package = owner(paths[name])
        if package not in libraries:
            query = "${Package} ${Version} ${Architecture} ${source:Package}"
            known = output("dpkg-query", "--show", f"--showformat={query}", package).split()
            libraries[package] = Library(*known, release)
        libraries[package].files.append(name)
        libraries[package].needs += needed(paths[name])
    return sorted(libraries.values(), key=lambda library: library.package)


def needed(file):
    """The libraries that it asks for itself. The loader, which is of libc6, is one of them."""
    names = re.findall(r"\(NEEDED\).*\[(.+)\]", output("readelf", "--dynamic", "--wide", file))
    return [name for name in names if not name.startswith("ld-linux")]


def owner(path):
    """Debian knows a library by its path from before or from after /lib became a link to /usr/lib."""
    for known in (path, f"/usr{path}"):
        found = subprocess.run(["dpkg-query", "--search", known], capture_output=True, text=True).stdout
        if found:
            return found.rsplit(": ", 1)[0]
    raise SystemExit(f"of no package of Debian: {path}")


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
