# make run    build the static binary and capture (IFACE=lo, FILTER='tcp port 443', ARGS='--json')
# make test   run the tests
SHELL := /bin/bash
GO ?= go
IFACE ?=
FILTER ?=
ARGS ?=
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
export CGO_ENABLED = 0

.PHONY: build run test test-race fuzz soak faults lint cross clean need-go

build: need-go
	$(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o tarrafa ./cmd/tarrafa

need-go:
	@command -v $(GO) >/dev/null || { echo "tarrafa: Go 1.26 or newer is needed to build: see https://go.dev/dl/ (Debian: sudo apt install golang)"; exit 1; }

# sudo only where it is needed: when the program cannot open a packet socket itself.
# Everything that is written belongs to the user who called make.
run: build
	@if ./tarrafa doctor --can-capture; then \
	  exec ./tarrafa capture $(if $(IFACE),-i $(IFACE)) $(ARGS) $(FILTER); \
	elif command -v sudo >/dev/null; then \
	  echo "Capturing needs a privilege: starting with sudo."; \
	  exec sudo ./tarrafa capture $(if $(IFACE),-i $(IFACE)) $(ARGS) $(FILTER); \
	else \
	  echo "tarrafa: no permission to capture and no sudo here: run this as root, or as root run"; \
	  echo "  setcap cap_net_raw,cap_net_admin=eip $(CURDIR)/tarrafa"; \
	  exit 5; \
	fi

test: need-go
	$(GO) test -timeout 15m ./...

# The packages in which goroutines share something.
RACE ?= ./internal/archive ./internal/capture ./internal/live ./internal/stats ./internal/segment ./internal/track ./internal/terminal
# The race detector is a C library: this is the one place where cgo is on.
test-race: need-go
	CGO_ENABLED=1 $(GO) test -race -short -timeout 20m $(RACE)

# Every parser of foreign bytes, each for so many seconds.
FUZZTIME ?= 60
fuzz: need-go
	tools/fuzz.sh $(FUZZTIME)

# A capture under load while one accident after another happens to it (root, Linux).
DURATION ?= 2m
SEED ?=
soak: need-go
	$(GO) run ./test/soak -duration $(DURATION) $(if $(SEED),-seed $(SEED))

# Every fault once, and what came of each: packets sent, stored, reported lost, doubled (root, Linux).
faults: need-go
	@table=$$(mktemp); trap 'rm -f "$$table"' EXIT; export TARRAFA_FAULT_TABLE=$$table; \
	$(GO) test -count=1 -p 1 -timeout 15m ./test/faults && \
	$(GO) test -count=1 -timeout 15m -run 'FullDisk|InterfaceGoes|DatabaseFaults|DatabaseAway' ./test/live && \
	$(GO) test -count=1 -timeout 15m -run TwoHundredPages ./test/trust && \
	echo '| fault | packets sent | stored | reported lost | doubled |' && echo '|---|---|---|---|---|' && cat "$$table"

lint: need-go
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(GO) tool -modfile=tools/go.mod golangci-lint run ./...

# Every system that the sources promise must at least compile.
cross: need-go
	for t in linux/arm64 darwin/arm64 darwin/amd64 windows/amd64 windows/arm64 freebsd/amd64; do \
	  echo "build $$t"; GOOS=$${t%/*} GOARCH=$${t#*/} $(GO) build -o /dev/null ./cmd/tarrafa || exit 1; \
	done

clean:
	rm -rf tarrafa dist
