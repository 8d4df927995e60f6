package gateway

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/rpc"
)

// Route is one HTTP method and path of an RPC, from its google.api.http option or its file option.
type Route struct {
	// Method and Pattern as the option has them, e.g. POST /v1/documents/{edoc_num}:cancel.
	Method, Pattern string
	// RPC is what it calls.
	RPC protoreflect.MethodDescriptor
	// Bounds are how much it takes.
	Bounds rpc.Bounds
	// File is how the RPC streams a file; nil where bodies are JSON.
	File *File

	segments []segment
	verb     string
	// bodyField is the request's field the body becomes; "*" for the request itself, empty for no body.
	bodyField string
	// body is the message the body becomes, nil for no body.
	body protoreflect.MessageDescriptor
	// bound are the request's fields that path and body give.
	bound map[protoreflect.Name]bool
}

// segment is a literal or, where field is set, a field of the request.
type segment struct {
	literal string
	field   protoreflect.FieldDescriptor
}

// maxParameter bounds a path parameter; ids of ours have at most 64 characters.
const maxParameter = 200

// Routes finds the route of a request.
type Routes struct{ routes []*Route }

// NewRoutes collects the routes of services. Patterns may hold literals, {field} of string and integer fields of the request,
// and a verb; bodies and response bodies are messages. Whatever else is used, also by a request message (google.protobuf.Any and
// its like), is an error, so that what cannot be judged is not served.
func NewRoutes(services ...protoreflect.ServiceDescriptor) (*Routes, error) {
	r := &Routes{}
	for _, service := range services {
		for i := range service.Methods().Len() {
			method := service.Methods().Get(i)
			if err := r.addFile(method); err != nil {
				return nil, err
			}
			rule, ok := proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule)
			if !ok || rule == nil {
				continue
			}
			for _, binding := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
				route, err := newRoute(method, binding)
				if err != nil {
					return nil, fmt.Errorf("routing %s: %w", method.FullName(), err)
				}
				r.routes = append(r.routes, route)
			}
		}
	}
	return r, nil
}

// addFile adds the route of an RPC that streams a file.
func (r *Routes) addFile(method protoreflect.MethodDescriptor) error {
	file, err := FileOf(method)
	if file == nil {
		return err
	}
	route, err := file.route(method)
	if err != nil {
		return fmt.Errorf("routing %s: %w", method.FullName(), err)
	}
	r.routes = append(r.routes, route)
	return nil
}

// All lists the routes in the order of their services.
func (r *Routes) All() []*Route { return slices.Clone(r.routes) }

func newRoute(method protoreflect.MethodDescriptor, rule *annotations.HttpRule) (*Route, error) {
	bounds, err := rpc.BoundsOf(method)
	if err != nil {
		return nil, err
	}
	route := &Route{RPC: method, Bounds: bounds, bodyField: rule.GetBody(), bound: make(map[protoreflect.Name]bool)}
	if route.Method, route.Pattern = binding(rule); route.Method == "" {
		return nil, fmt.Errorf("its HTTP method is not supported")
	}
	if err := route.parse(); err != nil {
		return nil, err
	}
	return route, route.bind(rule)
}

// binding is the HTTP method and path of an option; empty where it has none that is supported.
func binding(rule *annotations.HttpRule) (method, pattern string) {
	switch of := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		return http.MethodGet, of.Get
	case *annotations.HttpRule_Put:
		return http.MethodPut, of.Put
	case *annotations.HttpRule_Post:
		return http.MethodPost, of.Post
	case *annotations.HttpRule_Delete:
		return http.MethodDelete, of.Delete
	case *annotations.HttpRule_Patch:
		return http.MethodPatch, of.Patch
	default:
		return "", ""
	}
}

// PathOf is how an RPC is called over REST, e.g. POST /v1/documents; empty where it is not.
func PathOf(method protoreflect.MethodDescriptor) string {
	if file, err := FileOf(method); err == nil && file != nil {
		return file.method + " " + file.pattern
	}
	rule, _ := proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule)
	verb, pattern := binding(rule)
	return strings.TrimSpace(verb + " " + pattern)
}

// PathFields are the request's fields that the path gives.
func (r *Route) PathFields() []protoreflect.FieldDescriptor {
	var fields []protoreflect.FieldDescriptor
	for _, s := range r.segments {
		if s.field != nil {
			fields = append(fields, s.field)
		}
	}
	return fields
}

// QueryFields are the request's fields that a query may give by their own name.
func (r *Route) QueryFields() []protoreflect.FieldDescriptor {
	var fields []protoreflect.FieldDescriptor
	for i := range r.RPC.Input().Fields().Len() {
		if field := r.parameter(r.RPC.Input().Fields().Get(i).JSONName()); field != nil {
			fields = append(fields, field)
		}
	}
	return fields
}

// parse takes the pattern apart.
func (r *Route) parse() error {
	path := r.Pattern
	if i := strings.LastIndexByte(path, ':'); i > strings.LastIndexByte(path, '/') {
		path, r.verb = path[:i], path[i+1:]
	}
	for part := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		field, isField := strings.CutPrefix(part, "{")
		if !isField {
			r.segments = append(r.segments, segment{literal: part})
			continue
		}
		field = strings.TrimSuffix(field, "}")
		descriptor := r.RPC.Input().Fields().ByName(protoreflect.Name(field))
		if descriptor == nil || descriptor.IsList() || (descriptor.Kind() != protoreflect.StringKind && !isInteger(descriptor.Kind())) {
			return fmt.Errorf("pattern %s: {%s} is not a string or an integer", r.Pattern, field)
		}
		r.bound[descriptor.Name()] = true
		r.segments = append(r.segments, segment{field: descriptor})
	}
	return nil
}

// bind finds what the body becomes.
func (r *Route) bind(rule *annotations.HttpRule) error {
	if name := rule.GetResponseBody(); name != "" {
		field := r.RPC.Output().Fields().ByName(protoreflect.Name(name))
		if field == nil || field.Message() == nil || field.IsList() || field.IsMap() {
			return fmt.Errorf("response body %s is not a message", name)
		}
	}
	switch r.bodyField {
	case "":
		return nil
	case "*":
		r.body = r.RPC.Input()
	default:
		field := r.RPC.Input().Fields().ByName(protoreflect.Name(r.bodyField))
		if field == nil || field.Message() == nil || field.IsList() || field.IsMap() {
			return fmt.Errorf("body %s is not a message", r.bodyField)
		}
		r.body = field.Message()
		r.bound[field.Name()] = true
		r.bodyField = field.JSONName()
	}
	return supported(r.body, map[protoreflect.FullName]bool{})
}

// supported refuses messages that Walk cannot judge.
func supported(message protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) error {
	if seen[message.FullName()] {
		return nil
	}
	seen[message.FullName()] = true
	switch message.FullName() {
	case "google.protobuf.Timestamp", "google.protobuf.Duration":
		return nil
	}
	if wrapper(message) == nil && !walkable(message) {
		return fmt.Errorf("%s in a request is not supported", message.FullName())
	}
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if field.IsMap() {
			field = field.MapValue()
		}
		if field.Kind() == protoreflect.GroupKind {
			return fmt.Errorf("group %s in a request is not supported", field.FullName())
		}
		if inner := field.Message(); inner != nil {
			if err := supported(inner, seen); err != nil {
				return err
			}
		}
	}
	return nil
}

// Match finds the route of a method and path. Without one, allow lists the methods the path has, sorted; none when it is unknown.
func (r *Routes) Match(method, path string) (route *Route, allow []string) {
	for _, candidate := range r.routes {
		if !candidate.matches(path) {
			continue
		}
		if candidate.Method == method {
			return candidate, nil
		}
		if !slices.Contains(allow, candidate.Method) {
			allow = append(allow, candidate.Method)
		}
	}
	slices.Sort(allow)
	return nil, allow
}

func (r *Route) matches(path string) bool {
	path, rooted := strings.CutPrefix(path, "/")
	if !rooted {
		return false
	}
	if r.verb != "" {
		var hasVerb bool
		if path, hasVerb = strings.CutSuffix(path, ":"+r.verb); !hasVerb {
			return false
		}
	}
	parts := strings.Split(path, "/")
	if len(parts) != len(r.segments) {
		return false
	}
	for i, s := range r.segments {
		switch {
		case s.field == nil && s.literal != parts[i]:
			return false
		// No id of ours has a colon; one in a path begins a verb.
		case s.field != nil && (parts[i] == "" || strings.ContainsRune(parts[i], ':')):
			return false
		}
	}
	return true
}

// checkPath judges the parameters of a path that matches.
func (r *Route) checkPath(path string) []fault.Violation {
	var violations []fault.Violation
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, s := range r.segments {
		if s.field == nil {
			continue
		}
		broken := checkParameter(s.field, parts[i])
		switch {
		case len(parts[i]) > maxParameter:
			broken = rule{"path.length", "is too long"}
		}
		if broken != ruleNone {
			violations = append(violations, fault.Violation{Field: s.field.JSONName(), Rule: broken.name, Message: broken.wants})
		}
	}
	return violations
}
