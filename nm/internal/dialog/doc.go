// Package dialog is what NetworkManager's agents run to have people asked:
//
//	args.go      the agent's command line
//	details.go   the connection, from standard input
//	need.go      what is to be asked, and what is given back without asking
//	login.go     a login in the browser <- open.go
//	agent.go     what this agent can show
//	keyfile.go   external UI mode: the agent draws, from a key file
//	classic.go   otherwise: our own windows <- toolkit.go
//	dialog.go    all of it in order
//
// Secrets go to standard output as the agents want them, and nowhere else.
package dialog
