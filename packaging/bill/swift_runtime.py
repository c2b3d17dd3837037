"""What of the Swift toolchain itself is linked into a binary."""

import json
import os
import pathlib
import re
import subprocess
from dataclasses import dataclass

from . import swift_packages


@dataclass(frozen=True)
class Part:
    name: str
    description: str
    repository: str
    symbol: str
    """What the symbols of its code begin with; of Swift's own it is the module's mangled name."""


PARTS = [
    Part("swift", "The standard library and the runtime", "swiftlang/swift", "swift_retain"),
    Part(
        "swift-experimental-string-processing",
        "Regular expressions",
        "swiftlang/swift-experimental-string-processing",
        "$s17_StringProcessing",
    ),
    Part("swift-corelibs-libdispatch", "Queues and threads", "swiftlang/swift-corelibs-libdispatch", "dispatch_async"),
    Part(
        "swift-foundation",
        "FoundationEssentials, which swift-argument-parser imports, with the parts of swift-collections that are in it",
        "swiftlang/swift-foundation",
        "$s20FoundationEssentials",
    ),
]


def version(binary):
    """The compiler's, such as 6.3.1. SwiftPM notes beside a binary which one it used."""
    noted = {file.read_text(encoding="utf-8") for file in binary.resolve().parent.glob("swift-version-*.txt")}
    versions = {match[1] for text in noted for match in re.finditer(r"Swift version (\S+) \(swift-\1-RELEASE\)", text)}
    if len(versions) != 1:
        raise SystemExit(f"built by more than one compiler, or by none that was released; make clean: {sorted(noted)}")
    return versions.pop()


def linked(binary):
    """The parts that the binary, which has its symbols yet, has code of."""
    symbols = subprocess.run(["nm", str(binary)], check=True, capture_output=True, text=True).stdout
    return [part for part in PARTS if f" {part.symbol}" in symbols]


def licence_file():
    """One for all parts; it lies beside the compiler."""
    compiler = os.environ.get("SWIFT", "swift")
    told = subprocess.run([compiler, "-print-target-info"], check=True, capture_output=True, text=True).stdout
    file = pathlib.Path(json.loads(told)["paths"]["runtimeResourcePath"]).parent.parent / "share/swift/LICENSE.txt"
    if not file.is_file():
        raise SystemExit(f"the toolchain has no licence at {file}")
    return file


def licence():
    return swift_packages.spdx(licence_file().read_text(encoding="utf-8"))
