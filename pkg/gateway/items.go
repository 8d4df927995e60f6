package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/naru-relay/naru/pkg/fault"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// spoiledItem is an item of a body that cannot be read, though the body can.
type spoiledItem struct {
	index      int
	path       string
	start, end int
	violations []fault.Violation
}

func (s *spoiledItem) add(path string, r rule) {
	if r == ruleNone || len(s.violations) >= fault.MaxViolations {
		return
	}
	inside := strings.TrimPrefix(strings.TrimPrefix(path, s.path), ".")
	s.violations = append(s.violations, fault.Violation{Field: inside, Rule: r.name, Message: r.wants})
}

// ofDoor reports whether a field is for the door alone.
func ofDoor(field protoreflect.FieldDescriptor) bool {
	return field.Message() != nil && field.Message().FullName() == (&platformv1.UnreadableItem{}).ProtoReflect().Descriptor().FullName()
}

// unreadableOf is the field by which an RPC's unit is told of items that cannot be read; nil where it judges no items apart.
func unreadableOf(message protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	for i := range message.Fields().Len() {
		if field := message.Fields().Get(i); ofDoor(field) {
			return field
		}
	}
	return nil
}

// apart judges an item by itself.
func (w *walker) apart(path string, index int, field protoreflect.FieldDescriptor, depth int) error {
	w.item = &spoiledItem{index: index, path: path, start: w.pos}
	if err := w.single(path, field, depth); err != nil {
		return err
	}
	w.endItem()
	return nil
}

// endItem keeps the item that was judged, if something is wrong with it. What comes next is not inside of it.
func (w *walker) endItem() {
	if w.item != nil && len(w.item.violations) > 0 {
		w.item.end = w.pos
		w.spoiled = append(w.spoiled, *w.item)
	}
	w.item = nil
}

// read judges the body of a route, and gives it as its unit is to have it. Items that cannot be read, where the unit judges
// items apart, are empty there, and told beside the others. A body that has violations is refused whole.
func (r *Route) read(body []byte) ([]byte, []fault.Violation, error) {
	if len(body) == 0 {
		return body, nil, nil
	}
	w := &walker{scanner: scanner{data: body}}
	unreadable := unreadableOf(r.body)
	if unreadable != nil {
		w.items = r.Bounds.Items
	}
	w.walk(r.body)
	if len(w.violations) == 0 && len(w.spoiled) > 0 {
		readable, err := withoutSpoiled(body, w.spoiled, unreadable.JSONName())
		return readable, nil, err
	}
	for _, s := range w.spoiled {
		for _, v := range s.violations {
			v.Field = strings.TrimSuffix(s.path+"."+v.Field, ".")
			w.violations = append(w.violations, v)
		}
	}
	return body, w.violations, nil
}

// withoutSpoiled empties the spoiled items of a body that is an object, and adds the member that tells of them.
func withoutSpoiled(body []byte, spoiled []spoiledItem, member string) ([]byte, error) {
	type field struct {
		Field   string `json:"field"`
		Rule    string `json:"rule"`
		Message string `json:"message"`
	}
	type item struct {
		Index      int     `json:"index"`
		Violations []field `json:"violations"`
	}
	told := make([]item, len(spoiled))
	for i, s := range spoiled {
		told[i].Index = s.index
		for _, v := range s.violations {
			told[i].Violations = append(told[i].Violations, field(v))
		}
	}
	text, err := json.Marshal(told)
	if err != nil {
		return nil, fmt.Errorf("write what is wrong with items: %w", err)
	}
	var out []byte
	done := bytes.IndexByte(body, '{') + 1
	out = append(out, body[:done]...)
	out = append(out, `"`+member+`":`...)
	out = append(append(out, text...), ',')
	for _, s := range spoiled {
		out = append(append(out, body[done:s.start]...), "{}"...)
		done = s.end
	}
	return append(out, body[done:]...), nil
}
