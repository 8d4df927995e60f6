package gateway

import (
	"encoding/json"
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/naru-relay/naru/pkg/gateway"
)

// schema is a piece of an OpenAPI description.
type schema = map[string]any

// addFiles adds the routes of files to the paths of a description: protoc-gen-openapiv2 knows those of google.api.http only.
func (c *catalogue) addFiles(paths map[string]map[string]json.RawMessage, definitions map[string]json.RawMessage) error {
	for _, o := range c.services {
		routes, err := gateway.NewRoutes(o.service)
		if err != nil {
			return fmt.Errorf("describe %s: %w", o.service.FullName(), err)
		}
		for _, route := range routes.All() {
			if route.File == nil {
				continue
			}
			operation, err := json.Marshal(describeRoute(route, definitions))
			if err != nil {
				return fmt.Errorf("describe %s: %w", route.RPC.FullName(), err)
			}
			if paths[route.Pattern] == nil {
				paths[route.Pattern] = make(map[string]json.RawMessage)
			}
			paths[route.Pattern][strings.ToLower(route.Method)] = operation
		}
	}
	return nil
}

func describeRoute(route *gateway.Route, definitions map[string]json.RawMessage) schema {
	service := string(route.RPC.Parent().Name())
	operation := schema{
		"operationId": service + "_" + string(route.RPC.Name()), "tags": []string{service},
		"summary": string(route.RPC.Name()) + " streams a file. What it does and its errors: see the RPC.",
	}
	failure := schema{"description": "An unexpected error response.", "schema": schema{"$ref": "#/definitions/Problem"}}
	var parameters []schema
	for _, field := range route.PathFields() {
		parameters = append(parameters, parameter(field, "path"))
	}
	for _, field := range route.QueryFields() {
		parameters = append(parameters, parameter(field, "query"))
	}
	if route.File.Upload {
		operation["consumes"], operation["produces"] = []string{gateway.FileMedia}, []string{"application/json"}
		if !route.File.Whole {
			parameters = append(parameters, schema{
				"name": gateway.UploadOffset, "in": "header", "required": true, "type": "string", "format": "int64", "description": "Where the bytes of the body begin, from 0.",
			})
		}
		parameters = append(parameters,
			schema{"name": "body", "in": "body", "required": true, "description": "Bytes of the file.", "schema": schema{"type": "string", "format": "binary"}})
		operation["responses"] = schema{
			"200":     schema{"description": "A successful response.", "schema": definitionOf(route.File.AnswerType(), definitions)},
			"408":     schema{"description": "The body came too slowly; what arrived is kept.", "schema": schema{"$ref": "#/definitions/Problem"}},
			"default": failure,
		}
	} else {
		operation["produces"] = []string{gateway.FileMedia}
		parameters = append(parameters, schema{"name": "Range", "in": "header", "type": "string", "description": "bytes=N- for the file from byte N; other ranges are ignored."})
		operation["responses"] = schema{
			"200":     schema{"description": "The file, of its own media type.", "schema": schema{"type": "file"}, "headers": fileHeaders()},
			"206":     schema{"description": "The file from the byte that Range names.", "schema": schema{"type": "file"}, "headers": fileHeaders("Content-Range")},
			"416":     schema{"description": "The range begins beyond the end; Content-Range tells the size.", "schema": schema{"$ref": "#/definitions/Problem"}},
			"default": failure,
		}
	}
	operation["parameters"] = parameters
	return operation
}

// fileHeaders are those of an answer that is a file.
func fileHeaders(more ...string) schema {
	headers := schema{}
	for _, name := range append(more, "Content-Length", "Content-Disposition", "Repr-Digest", "Accept-Ranges") {
		headers[name] = schema{"type": "string"}
	}
	return headers
}

func parameter(field protoreflect.FieldDescriptor, in string) schema {
	described := schema{"name": field.JSONName(), "in": in, "type": "string"}
	if in == "path" {
		described["required"] = true
	}
	switch field.Kind() { //nolint:exhaustive // all others are strings
	case protoreflect.BoolKind:
		described["type"] = "boolean"
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Uint32Kind:
		described["type"], described["format"] = "integer", "int32"
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Uint64Kind:
		described["format"] = "int64"
	}
	return described
}

// definitionOf refers to a message as protoc-gen-openapiv2 named it: by as many parts of its full name as make it unique.
func definitionOf(message protoreflect.MessageDescriptor, definitions map[string]json.RawMessage) schema {
	parts := strings.Split(string(message.FullName()), ".")
	for n := 2; n <= len(parts); n++ {
		name := strings.Join(parts[len(parts)-n:], "")
		if _, ok := definitions[name]; ok {
			return schema{"$ref": "#/definitions/" + name}
		}
	}
	return schema{"type": "object", "description": string(message.FullName()) + ", which has no route of its own."}
}
