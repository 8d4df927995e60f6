package intake

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/naru-relay/naru/pkg/hostname"
	"github.com/naru-relay/naru/pkg/viewingtoken"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

// judgeURL returns what keeps a recipient from opening a viewing URL, or would lead one astray. A viewing system that is bound to
// hosts shows documents at these alone. The item's rules have seen to https and to the length.
func judgeURL(given string, hosts []string) (found []finding) {
	says := func(rule, message string) {
		found = append(found, at(fieldViewingURL, rule, intakev1.Reason_REASON_INVALID_ITEM, message))
	}
	u, err := url.Parse(given)
	if err != nil {
		says("viewing.url.form", "is no URL")
		return found
	}
	if strings.ContainsAny(given, "\\ \t") {
		says("viewing.url.form", "must not hold spaces or backslashes, which browsers read in different ways")
		return found
	}
	if u.User != nil {
		says("viewing.url.user", "must not hold user information")
	}
	host, ok := hostname.Form(u.Hostname())
	switch {
	case !ok:
		says("viewing.url.host", "must name a host")
	case len(hosts) > 0 && !slices.Contains(hosts, host):
		found = append(found, at(fieldViewingURL, ruleOf(intakev1.Reason_REASON_VIEWING_HOST_FOREIGN), intakev1.Reason_REASON_VIEWING_HOST_FOREIGN,
			"must name one of the hosts to which the viewing system is bound"))
	}
	if ok && !possiblePort(u) {
		says("viewing.url.port", "must have a port between 1 and 65535, or none")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		says("viewing.url.query", "must have a query of the form name=value&name=value")
	}
	for name := range query {
		if strings.EqualFold(name, viewingtoken.URLParameter) {
			says("viewing.url.token", "must not have the parameter that the relay adds: "+viewingtoken.URLParameter)
			break
		}
	}
	return found
}

func possiblePort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && port > 0
}
