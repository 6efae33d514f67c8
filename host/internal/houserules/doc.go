// Package houserules holds this project's habits as tests: who may import whom,
// sizes, docs, fresh generated code. Each rule says why it is one.
package houserules
