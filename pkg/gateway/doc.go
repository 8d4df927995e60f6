// Package gateway turns gRPC services into a strict REST API with grpc-gateway.
//
// Before a request reaches grpc-gateway, Handler finds its route and checks it: an unknown path is 404, a wrong method 405 with
// Allow, another media type than JSON 415, a body over the route's limit 413. Everything wrong with path, query and body is
// reported in one 400. A body is compared with the message descriptor before protojson sees it (Walk): unknown and repeated
// members, wrong types, unknown enum names, bad base64, times, durations, UTF-8 and numbers, and too deep nesting are all
// collected, each with its path and never with its value. protojson accepts every body in which Walk finds nothing.
//
// Answers (Marshal) have lowerCamel names in the order of the fields. Lists, maps, booleans and numbers are always there; empty
// strings and bytes, unspecified enums, absent messages and times, and optional fields that are not set are left out. Times are
// RFC 3339 in UTC with exactly six fractional digits; 64-bit integers are strings, bytes standard base64.
//
// Every error is an RFC 9457 problem document whose instance is the trace id.
package gateway
