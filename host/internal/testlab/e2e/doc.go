// Package e2e tests the built program from outside: real servers, hostile
// gateways and real traffic, on machines made of namespaces. The tests of what any
// AnyConnect client must do can be run with openconnect in place of penstock
// (-client openconnect), which proves the lab itself.
//
// What takes longer than `make test` has is in files *_long_test.go, which begin with
//
//	//go:build long
//
// and whose tests are called TestLong*: `make test-long`, which is part of `make test-all`,
// runs these and no others. Without the tag they are not there, so that none is skipped.
//
//	go test -tags long ./host/internal/testlab/e2e -run TestLongL2TP -v
package e2e
