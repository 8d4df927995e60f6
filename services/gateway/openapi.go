package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// problemSchema is the schema of a problem document.
const problemSchema = `{
  "type": "object",
  "description": "RFC 9457 problem document, application/problem+json.",
  "properties": {
    "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"},
    "instance": {"type": "string", "description": "Trace id."}, "reason": {"type": "string", "description": "Machine reason."},
    "violations": {"type": "array", "items": {"type": "object", "properties": {"field": {"type": "string"}, "rule": {"type": "string"}, "message": {"type": "string"}}}},
    "metadata": {"type": "object", "additionalProperties": {"type": "string"}}
  }
}`

// describe turns the generated description into the one that is served: with this API's title, only the services that have
// routes, and the errors as they really are.
func describe(generated []byte, offers *catalogue) ([]byte, error) {
	// Without this, generated clients would expect a google.rpc.Status, which this API never returns.
	generated = bytes.ReplaceAll(generated, []byte(`"#/definitions/rpcStatus"`), []byte(`"#/definitions/Problem"`))
	var document struct {
		Swagger     string                                `json:"swagger"`
		Info        map[string]string                     `json:"info"`
		Tags        []map[string]any                      `json:"tags"`
		Consumes    []string                              `json:"consumes"`
		Produces    []string                              `json:"produces"`
		Paths       map[string]map[string]json.RawMessage `json:"paths"`
		Definitions map[string]json.RawMessage            `json:"definitions"`
		Security    map[string]any                        `json:"securityDefinitions"`
	}
	if err := json.Unmarshal(generated, &document); err != nil {
		return nil, fmt.Errorf("read the generated OpenAPI description: %w", err)
	}
	document.Info = map[string]string{"title": "Naru", "version": "v1", "description": "REST API of a document relay. Errors are problem documents (RFC 9457)."}
	if err := offers.addFiles(document.Paths, document.Definitions); err != nil {
		return nil, err
	}
	used := make(map[string]bool)
	for _, operations := range document.Paths {
		for _, operation := range operations {
			var tagged struct {
				Tags []string `json:"tags"`
			}
			if err := json.Unmarshal(operation, &tagged); err != nil {
				return nil, fmt.Errorf("read an operation of the OpenAPI description: %w", err)
			}
			for _, tag := range tagged.Tags {
				used[tag] = true
			}
		}
	}
	document.Tags = slices.DeleteFunc(document.Tags, func(tag map[string]any) bool {
		name, _ := tag["name"].(string)
		return !used[name]
	})
	delete(document.Definitions, "rpcStatus")
	document.Definitions["Problem"] = json.RawMessage(problemSchema)
	document.Security = map[string]any{"oauth2": map[string]any{
		"type": "oauth2", "flow": "application", "tokenUrl": "/oauth2/token", "scopes": offers.scopeTexts(),
	}}
	served, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("write the OpenAPI description: %w", err)
	}
	return served, nil
}

// scopeTexts names the scopes the catalogue's rules ask for.
func (c *catalogue) scopeTexts() map[string]string {
	texts := make(map[string]string)
	for _, method := range slices.Sorted(maps.Keys(c.methods)) {
		if scope := c.methods[method].rule.GetScope(); scope != "" {
			texts[scope] = strings.TrimPrefix(texts[scope]+", "+method[strings.LastIndexByte(method, '/')+1:], ", ")
		}
	}
	return texts
}
