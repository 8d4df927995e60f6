package gateway

import "github.com/naru-relay/naru/pkg/fault"

// CheckQuery checks a query as Handler does.
func CheckQuery(r *Route, raw string) []fault.Violation { return r.checkQuery(raw) }
