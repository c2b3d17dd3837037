# Everything a developer needs, on a Debian 12 with a Swift 6.3 toolchain. `make help` lists it.

SWIFT ?= swift
# The Swift library is linked in, glibc and libmicrohttpd are not (security updates reach them).
# Nothing loads the program as a library, so it exports no symbols and what is unused can go. Debug information
# tells where it was built, and so do the hashes by which the compiler knows that a module has not changed;
# without these and a path to look for libraries in, it is the same from everywhere.
RELEASE := --configuration release --product socket-exporter --static-swift-stdlib \
	-debug-info-format none -Xswiftc -Xfrontend -Xswiftc -disable-incremental-llvm-codegen --disable-local-rpath \
	-Xswiftc -use-ld=lld -Xlinker --gc-sections -Xlinker --no-export-dynamic
export SOCKET_EXPORTER_REVISION := $(shell packaging/revision)
BINARY := .build/release/socket-exporter

BUILD_PACKAGES := libbpf-dev libmicrohttpd-dev pkg-config zlib1g-dev
TEST_PACKAGES := $(BUILD_PACKAGES) bpftool curl debhelper docker-compose fish iproute2 libcap2-bin lintian lsof \
	man-db mandoc nftables nginx-light procps prometheus prometheus-alertmanager prometheus-node-exporter python3 \
	python3-prometheus-client python3-seccomp python3-venv python3-yaml systemd util-linux zsh
BENCH_PACKAGES := $(BUILD_PACKAGES) gcc libc6-dev iproute2 lsof net-tools nginx-light \
	prometheus-node-exporter prometheus-process-exporter python3 python3-matplotlib wrk
IMAGE_PACKAGES := buildah debootstrap podman runc
DIST_PACKAGES := binutils git python3
IMAGE_TEST_PACKAGES := curl iproute2 libcap2-bin python3 util-linux
DEB_PACKAGES := debhelper python3
DEB_TEST_PACKAGES := $(DEB_PACKAGES) debootstrap e2fsprogs git lintian qemu-system-x86 util-linux

.PHONY: help
help: ## List what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 16

.PHONY: run
run: build ## Build and run on :9477; ARGS="..." adds flags
	$(BINARY) $(ARGS)

.PHONY: demo
demo: build ## Walk through an incident in two minutes; ARGS=--no-wait asks nothing
	@.ci/require curl iproute2 prometheus python3 util-linux
	@demo/run --exporter $(BINARY) $(ARGS)

.PHONY: build
build: ## Build the release binary
	@.ci/require $(BUILD_PACKAGES)
	$(SWIFT) build $(RELEASE) $(FLAGS)

.PHONY: documents
documents: build ## Write the man page and the completions to .build/documents
	@.ci/require python3
	packaging/documents $(BINARY) .build/documents

.PHONY: test
test: lint build ## Run all tests against the release binary
	@.ci/require $(TEST_PACKAGES)
	$(SWIFT) build --build-tests
	SOCKET_EXPORTER_BINARY=$(CURDIR)/$(BINARY) .ci/retell $(SWIFT) test --skip-build $(if $(FILTER),--filter $(FILTER))

.PHONY: lint
lint: ## Check the format of the sources
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests

.PHONY: format
format: ## Format the sources
	$(SWIFT) format --in-place --recursive --parallel Package.swift Sources Tests

.PHONY: bpf
bpf: ## Compile the BPF program anew into its header
	Sources/CSocketIterators/bpf/build >.build/program.h
	mv .build/program.h Sources/CSocketIterators/descriptors_program.h

.PHONY: golden
golden: ## Write the golden pages anew; read the diff
	@.ci/require $(BUILD_PACKAGES)
	SOCKET_EXPORTER_WRITE_GOLDEN=1 $(SWIFT) test --filter GoldenTests
	git diff --stat -- Tests/Fixtures/golden

.PHONY: dashboards
dashboards: ## Write the dashboards anew from dashboards/source
	@.ci/require python3
	dashboards/generate.py

.PHONY: pictures
pictures: build ## Draw the dashboards of a host in trouble; needs root, takes minutes
	@.ci/require $(TEST_PACKAGES) python3-matplotlib python3-pil
	$(SWIFT) build --build-tests
	rm -rf .build/pictures && mkdir -p .build/pictures
	SOCKET_EXPORTER_BINARY=$(CURDIR)/$(BINARY) SOCKET_EXPORTER_PICTURES=$(CURDIR)/.build/pictures \
		$(SWIFT) test --skip-build --filter 'DashboardQueryTests.*pictures'
	dashboards/render.py .build/pictures docs/dashboards

.PHONY: manifests
manifests: ## Write the Kubernetes rules anew from deploy/prometheus
	deploy/kubernetes/generate

.PHONY: image
image: ## Build the container image without a registry; needs root, takes minutes
	@.ci/require $(IMAGE_PACKAGES)
	packaging/container/build-locally

.PHONY: test-image
test-image: image ## Build the container image and run it in all modes; needs root
	@.ci/require $(IMAGE_TEST_PACKAGES)
	packaging/container/test

.PHONY: deb
deb: build ## Build the Debian package into .build/deb
	@.ci/require $(DEB_PACKAGES)
	packaging/debian/build $(BINARY) .build/deb

.PHONY: test-deb
test-deb: deb ## Install, upgrade and purge it in a Debian of its own, and boot that; needs root, takes minutes
	@.ci/require $(DEB_TEST_PACKAGES)
	packaging/debian/test $(BINARY) .build/deb/socket-exporter_$(shell packaging/version)-1_$(shell dpkg --print-architecture).deb

.PHONY: bench
bench: build ## Measure beside the C floor and other tools; needs root, takes minutes
	@.ci/require $(BENCH_PACKAGES)
	Benchmarks/run --exporter $(BINARY) $(ARGS)

.PHONY: cardinality
cardinality: build ## Count series and what they cost Prometheus; needs root, takes minutes
	@.ci/require $(BUILD_PACKAGES) iproute2 prometheus python3
	Benchmarks/cardinality --exporter $(BINARY) --page docs/scaling.md $(ARGS)

.PHONY: dist
dist: ## Pack what is released into .build/dist; DIRTY=1 from sources that are not committed, too
	packaging/releasable
	@.ci/require $(DIST_PACKAGES)
	$(MAKE) build
	rm -rf .build/dist
	packaging/dist $(BINARY) .build/dist

.PHONY: reproduce
reproduce: ## Build the release twice, in other directories, and compare
	packaging/reproduce

.PHONY: clean
clean: ## Remove what was built
	rm -rf .build
