"""The Swift packages that are linked into a binary, as the build directory around it knows them."""

import json
import pathlib
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True)
class SwiftPackage:
    name: str
    version: str
    revision: str
    location: str
    checkout: pathlib.Path

    @property
    def purl(self):
        repository = self.location.removeprefix("https://").removesuffix(".git")
        return f"pkg:swift/{repository}@{self.version}"

    @property
    def supplier(self):
        """Who keeps the repository: github.com/<supplier>/<name>."""
        return self.location.split("/")[-2]

    @property
    def licences(self):
        """The files that go with what is made of it."""
        return sorted(file for file in self.checkout.iterdir() if file.name.startswith(("LICENSE", "NOTICE")))

    @property
    def licence(self):
        """The licence as an expression of SPDX."""
        return spdx((self.checkout / "LICENSE.txt").read_text(encoding="utf-8"))


def spdx(text):
    """Knows those licences that have been met; another one is for somebody to look at."""
    if "Apache License" not in text or "Version 2.0, January 2004" not in text:
        raise SystemExit(f"not a licence that is known here: {text.strip()[:80]!r}")
    return "Apache-2.0 WITH Swift-exception" if "Runtime Library Exception" in text else "Apache-2.0"


def linked(binary):
    """Those of the Package.resolved it was built with of which the linker was given anything, ordered by name."""
    modules = linked_modules(binary)
    build = build_directory(binary).parent.parent
    resolved = build.parent / "Package.resolved"
    packages = []
    for pin in json.loads(resolved.read_text(encoding="utf-8"))["pins"]:
        checkout = build / "checkouts" / pin["identity"]
        if not any((checkout / "Sources" / module).is_dir() for module in modules):
            continue
        state = pin["state"]
        package = SwiftPackage(pin["identity"], state["version"], state["revision"], pin["location"], checkout)
        compiled = subprocess.run(
            ["git", "-C", str(checkout), "rev-parse", "HEAD"], check=True, capture_output=True, text=True
        ).stdout.strip()
        if compiled != package.revision:
            raise SystemExit(f"{checkout} is {compiled}, and Package.resolved says {package.revision}")
        packages.append(package)
    return sorted(packages, key=lambda package: package.name)


def linked_modules(binary):
    """The linker's own list has an object for each source file, in a directory called after its module."""
    listed = (build_directory(binary) / f"{binary.name}.product" / "Objects.LinkFileList").read_text(encoding="utf-8")
    objects = [pathlib.Path(line.strip("'")) for line in listed.splitlines()]
    return {part.removesuffix(".build") for object in objects for part in object.parts if part.endswith(".build")}


def build_directory(binary):
    """`.build/<platform>/release`."""
    return binary.resolve().parent
