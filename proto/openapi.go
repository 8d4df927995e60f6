// Package proto holds the contracts of Naru. Beside the .proto files and the code made from them (gen) it gives the OpenAPI
// description of the REST API, which is generated from the same files.
package proto

import _ "embed"

//go:embed gen/openapi/naru.swagger.json
var openAPI []byte

// OpenAPI is the generated description of the REST API (OpenAPI 2.0, JSON). The caller MUST NOT change it.
func OpenAPI() []byte { return openAPI }
