// Package nm is Penstock as a VPN service of NetworkManager: one process and one
// D-Bus connection a VPN, which NetworkManager starts with a bus name of its own.
//
//	bus.go         the bus: name, object, method calls in, signals out
//	methods.go     what NetworkManager calls
//	service.go     the life of one connection, from Connect to the end
//	request.go     NetworkManager's connection as it arrives -> profile.go, files.go
//	secrets.go     NeedSecrets: which secrets somebody must be asked for before
//	prompter.go    ui.Prompter: SecretsRequired and NewSecrets
//	applier.go     netcfg.Applier: Config, Ip4Config, Ip6Config <- dictionary.go
//	failure.go     a diagnostic as a reason of NetworkManager's
//	internal/      ask: a question on its way to the auth dialog; dialog: what that does;
//	               adopt: a connection that was made for another VPN plugin
//	takeover/      has NetworkManager start us for those
//
// The contract is org.freedesktop.NetworkManager.VPN.Plugin of NetworkManager 1.42.
package nm
