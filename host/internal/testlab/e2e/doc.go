// Package e2e tests the built program from outside: real servers, hostile
// gateways and real traffic, on machines made of namespaces. The tests of what any
// AnyConnect client must do can be run with openconnect in place of penstock
// (-client openconnect), which proves the lab itself.
package e2e
