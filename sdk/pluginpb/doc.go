// Package pluginpb is the generated code of plugin.proto, the language-neutral
// contract between host and plugin, and what every host reads alike. Plugin authors use package sdk instead.
package pluginpb

//go:generate protoc --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative plugin.proto
//go:generate protoc --python_out=../python/penstock plugin.proto
