# make build   bin/penstock, bin/penstock-auth-dialog, and bin/plugins/* with their manifests
# make demo    a gateway in a namespace, a connection to it, traffic (root)
# make editor  bin/editor: the form of a connection in GNOME's programs; a part of `make build` where its libraries are
# make test    everything: lint, unit tests with the race detector, end-to-end, fuzzing (root)
# make test-desktop   GNOME's programs under mouse and keyboard (root); make screenshots takes pictures
# make test-long   end-to-end tests that take minutes (root); make test-all is all three
# make bench   side by side with openconnect and wireguard-go (root); ACCEPT=host/BENCHMARKS.md keeps the results
# make bench-profile   CPU profiles of the same loads
# make soak    half an hour at full rate, watching for leaks (root)
# make deb, make rpm, make test-packages   see packaging/README.md
# make install, make uninstall   PREFIX=/usr, DESTDIR= to stage a package

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build

GO ?= go
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)
BUILD := $(GO) build -trimpath -ldflags '$(LDFLAGS)'
PLUGINS := $(notdir $(patsubst %/main.go,%,$(wildcard plugins/*/main.go)))
FUZZTIME ?= 1s
ACCEPT ?=
PREFIX := /usr
DESTDIR :=
INSTALL = PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' packaging/install.sh

# Debian packages: to build, to run the demo and the end-to-end tests, to generate code.
BUILD_PACKAGES := gcc libc6-dev git ca-certificates
LAB_PACKAGES := ocserv openconnect ocproxy vpnc-scripts oathtool iperf3 nftables iproute2 iputils-ping procps python3-grpcio python3-protobuf
STRONGSWAN_PACKAGES := strongswan-charon strongswan-swanctl libcharon-extra-plugins libcharon-extauth-plugins libstrongswan-extra-plugins libstrongswan-standard-plugins hostapd
NM_PACKAGES := network-manager network-manager-openconnect dnsmasq-base bind9-dnsutils
PPP_PACKAGES := user-mode-linux kmod ppp pptpd sstp-client radvd python3 xl2tpd softether-vpnserver softether-vpncmd
EDITOR_PACKAGES := pkg-config make libnm-dev libgtk-3-dev libgtk-4-dev libnma-dev libnma-gtk4-dev libjson-glib-dev
DESKTOP_PACKAGES := xvfb xdotool openbox imagemagick network-manager-gnome gnome-control-center at-spi2-core adwaita-icon-theme fonts-dejavu-core dbus
TEST_PACKAGES := $(EDITOR_PACKAGES) $(LAB_PACKAGES) $(STRONGSWAN_PACKAGES) $(PPP_PACKAGES) $(NM_PACKAGES) tcpdump tshark protobuf-compiler softhsm2 dbus shellcheck openssl curl

.PHONY: build demo test lint fmt generate bench bench-profile soak fuzz unit e2e packages packages-demo clean
.PHONY: install uninstall editor test-desktop test-long test-all screenshots packages-desktop $(PLUGINS)

build: bin/penstock bin/penstock-auth-dialog $(PLUGINS) editor

editor:
	@$(MAKE) --no-print-directory -C nm/editor OUT='$(CURDIR)/bin/editor'

.PHONY: bin/penstock bin/penstock-auth-dialog
bin/penstock:
	@mkdir -p bin/plugins
	$(BUILD) -o $@ ./host/cmd/penstock

bin/penstock-auth-dialog:
	@mkdir -p bin
	CGO_ENABLED=0 $(BUILD) -o $@ ./nm/cmd/penstock-auth-dialog

# A static program sees nothing of the machine's files in the sandbox.
$(PLUGINS):
	@mkdir -p bin/plugins
	CGO_ENABLED=0 $(BUILD) -o bin/plugins/$@ ./plugins/$@
	$(GO) run ./host/internal/registry/manifest -o bin/plugins/$@.toml bin/plugins/$@

# Root places what a user has built, without building it again.
install:
	@$(INSTALL) fresh $(PLUGINS) || $(MAKE) --no-print-directory build
	@$(INSTALL) install $(PLUGINS)

uninstall:
	@$(INSTALL) uninstall $(PLUGINS)

demo: packages-demo build
	@bin/penstock demo

test: packages build lint unit e2e fuzz

# The race detector takes the unit tests; the end-to-end tests run what was built.
unit:
	$(GO) test -race $$($(GO) list ./... | grep -v /testlab/)

e2e: build
	$(GO) test -count=1 -timeout 25m $$($(GO) list ./host/internal/testlab/... | grep -v /desktop)

test-all: test test-long test-desktop

test-long: packages build
	$(GO) test -count=1 -timeout 25m -tags long -run '^TestLong' ./host/internal/testlab/e2e

test-desktop: packages-desktop build
	$(GO) test -count=1 -timeout 10m ./host/internal/testlab/desktop

screenshots: packages-desktop build
	PENSTOCK_SCREENSHOTS='$(CURDIR)/nm/editor' $(GO) test -count=1 -timeout 10m ./host/internal/testlab/desktop

fuzz:
	@packaging/fuzz.sh $(FUZZTIME)

lint:
	$(GO) vet -tags long ./...
	$(GO) tool staticcheck -tags long ./...
	@packaging/lint-generated.sh
	@packaging/lint-vulnerabilities.sh
	shellcheck packaging/*.sh vpnc-script/penstock-vpnc-script

fmt:
	gofmt -w $$(git ls-files --cached --others --exclude-standard '*.go')

generate:
	GOBIN=$(CURDIR)/bin/tools $(GO) install google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc
	PATH=$(CURDIR)/bin/tools:$$PATH $(GO) generate ./...

bench: packages build
	$(GO) run ./host/internal/testlab/bench -accept '$(ACCEPT)'

soak: packages build
	$(GO) run ./host/internal/testlab/soak -for 8m

bench-profile: packages build
	$(GO) run ./host/internal/testlab/bench -profile bin/profiles -gateway load

packages:
	@packaging/need-packages.sh $(BUILD_PACKAGES) $(TEST_PACKAGES)

packages-desktop: packages
	@packaging/need-packages.sh $(DESKTOP_PACKAGES)

packages-demo:
	@packaging/need-packages.sh $(BUILD_PACKAGES) $(LAB_PACKAGES)

include packaging/packages.mk

clean:
	rm -rf bin
