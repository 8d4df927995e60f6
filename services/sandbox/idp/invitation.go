package idp

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// invitationType is the type of a notice that invites somebody to join.
const invitationType = "recipient.invited"

// invitedAt is the phone number or mail address at which a notice invites somebody; empty for any other notice.
func invitedAt(body []byte) string {
	var n struct {
		Type    string
		Contact struct{ Phone, Email string }
	}
	if json.Unmarshal(body, &n) != nil || n.Type != invitationType {
		return ""
	}
	if n.Contact.Phone != "" {
		return n.Contact.Phone
	}
	return n.Contact.Email
}

// misbehaves answers an invitation otherwise than by taking it, if a scenario about the contact says so.
func (s *System) misbehaves(w http.ResponseWriter, r *http.Request, contact string) bool {
	if sc, ok := s.Scenarios.Take(scenario.Slow, contact); ok {
		late := time.NewTimer(time.Duration(sc.Delay))
		defer late.Stop()
		select {
		case <-late.C:
		case <-r.Context().Done():
			return true
		}
	}
	if _, ok := s.Scenarios.Take(scenario.NoSuchPerson, contact); ok {
		scenario.WriteJSON(w, http.StatusNotFound, map[string]string{"reason": "NO_SUCH_PERSON"})
		return true
	}
	if sc, ok := s.Scenarios.Take(scenario.RetryAfter, contact); ok {
		seconds := (time.Duration(sc.Delay) + time.Second - 1) / time.Second
		w.Header().Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	if sc, ok := s.Scenarios.Take(scenario.Down, contact); ok {
		status := sc.HTTPStatus
		if status == 0 {
			status = http.StatusBadGateway
		}
		w.WriteHeader(status)
		return true
	}
	return false
}

const listInvitationsSQL = `
	select notice_id::text, webhook_id, received_at, body
	  from (select notice_id, webhook_id, received_at, body
	          from notice
	         where position('"type":"recipient.invited"' in body) > 0 and position($1 in body) > 0
	         order by notice_id desc
	         limit 1000) as latest
	 order by notice_id`

// listInvitations serves GET /sandbox/invitations?phone=… or ?email=…: the latest 1,000 to that contact, oldest first.
func (s *System) listInvitations(_ http.ResponseWriter, r *http.Request) (any, error) {
	query := r.URL.Query()
	if query.Has("phone") == query.Has("email") {
		return nil, fault.New(fault.Invalid, domain, reasonRequestInvalid, "give phone or email")
	}
	contact, err := json.Marshal(query.Get("phone") + query.Get("email"))
	if err != nil {
		return nil, err
	}
	found, err := pg.All(r.Context(), s.DB, "list invitations", scanNotice, listInvitationsSQL, string(contact))
	return map[string]any{"invitations": found}, err
}
