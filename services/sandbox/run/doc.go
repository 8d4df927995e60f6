// Package run makes a process of one sandbox system: a settings file, a schema of its own, one listener, a graceful end.
//
// It is for systems that are to run apart from narud, on machines of their own. The flags are those of the units' processes:
// -config (required), -check, -print-config, -migrate, -version. Settings are one strict YAML file (package config); the part
// under `system` is the system's own. Examples with every field are deploy/config/sandbox-*.yaml.
//
// Beside the system's interface the listener answers GET /livez with 204. On SIGTERM or SIGINT the listener closes, requests
// under way get ten seconds, then background work ends and the pool closes.
//
// What runs here is for tests: it is certified by nobody, and whatever it issues is marked 시험용.
package run
