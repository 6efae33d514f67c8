// Package packaging holds what packages and `make install` place beside programs,
// and here the checks of it that need no package to be built.
package packaging
