"""The shared libraries that a binary loads, and the packages of Debian that they are of."""

import platform
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
    source_version: str
    distribution: str
    release: str
    files: list[str] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)
    """The files that its files load."""

    @property
    def purl(self):
        """With the source that it was built of, for that is what advisories name."""
        upstream = self.source if self.source_version == self.version else f"{self.source}@{self.source_version}"
        return (
            f"pkg:deb/{self.distribution}/{self.package}@{quote(self.version, safe=':~')}?arch={self.architecture}"
            f"&distro={self.distribution}-{self.release}&upstream={quote(upstream, safe=':~')}"
        )


def loaded(binary):
    """All of them, also those that only a library loads, ordered by package."""
    paths = dict(re.findall(r"^\s(\S+) => (/\S+) ", output("ldd", str(binary)), re.MULTILINE))
    system = platform.freedesktop_os_release()
    release = system.get("VERSION_ID") or system.get("VERSION_CODENAME", "unknown")
    libraries = {}
    for name in sorted(paths):
        package = owner(paths[name])
        if package not in libraries:
            query = "${Package} ${Version} ${Architecture} ${source:Package} ${source:Version}"
            known = output("dpkg-query", "--show", f"--showformat={query}", package).split()
            libraries[package] = Library(*known, system["ID"], release)
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
