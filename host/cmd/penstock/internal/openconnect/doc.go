// Package openconnect is OpenConnect 9's command line: its options, what it writes, its
// exit statuses and signals, over Penstock's host and plugins.
//
//	getopt.go, file.go   words of argv and of --config FILE, as getopt_long reads them
//	table.go             what each option does to a Request, or why it is refused
//	profile.go           the Request as a host.Profile; what the protocol cannot do is refused
//	asker.go, oath.go    who answers the questions of a login, in OpenConnect's order
//	program.go, run.go   one run: log in, print the session or hold the connection
package openconnect
