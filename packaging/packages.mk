# Included by the Makefile.
# make deb, make rpm   packages in bin/packages; PACKAGE_VERSION= and SOURCE_DATE_EPOCH= have defaults from git
# make test-packages   builds them twice, checks, installs, upgrades, uses and purges them (root)

PACKAGING_PACKAGES := lintian rpm cpio dpkg-dev
# For the fast tests, in `make test`.
PAGES_PACKAGES := mandoc man-db groff zsh fish apparmor appstream desktop-file-utils
TEST_PACKAGES += $(PAGES_PACKAGES)
export GO

.PHONY: deb rpm test-all test-packages packages-packaging lint-packages
test-all: test test-packages
lint: lint-packages
lint-packages:
	shellcheck packaging/scripts/*

# The programs say their version themselves; a stamp of the checkout would be another one.
deb rpm test-packages: export GOFLAGS += -buildvcs=false
deb rpm: build
	@packaging/package.sh $@ $(PLUGINS)

test-packages: packages packages-packaging
	$(MAKE) --no-print-directory deb
	$(MAKE) --no-print-directory rpm
	$(GO) vet -tags packages ./host/internal/testlab/packages
	PENSTOCK_VERSION='$(VERSION)' PENSTOCK_PLUGINS='$(PLUGINS)' $(GO) test -tags packages -count=1 -timeout 30m -v ./host/internal/testlab/packages

packages-packaging:
	@packaging/need-packages.sh $(PACKAGING_PACKAGES)
