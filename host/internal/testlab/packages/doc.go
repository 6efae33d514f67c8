// Package packages holds the tests of what `make deb` and `make rpm` make: they are
// checked, built again, installed, used, upgraded and purged. Building takes minutes,
// so that these tests have a build tag and a target of their own, `make test-packages`.
package packages
