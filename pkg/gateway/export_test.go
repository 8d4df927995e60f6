package gateway

import "github.com/naru-relay/naru/pkg/fault"

// CheckQuery judges a query as Handler does.
func CheckQuery(r *Route, raw string) []fault.Violation { return r.checkQuery(raw) }
