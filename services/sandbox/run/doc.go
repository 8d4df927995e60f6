// Package run runs one sandbox system as a process: with a settings file, its own schema, one listener, and a graceful stop.
//
// It is for systems that run without narud, on their own machines. The flags are those of the units' processes: -config
// (required), -check, -print-config, -migrate, -version. The settings are one strict YAML file (package config); its part under
// `system` belongs to the system. deploy/config/sandbox-*.yaml are examples with every field.
//
// Besides the system's interface the listener answers GET /livez with 204. On SIGTERM or SIGINT the listener closes and running
// requests get ten seconds; then background work ends and the pool closes.
//
// These systems are for tests: nobody has certified them, and whatever they issue is marked 시험용.
package run
