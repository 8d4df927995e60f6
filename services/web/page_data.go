package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/gateway"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
	"github.com/naru-relay/naru/services/web/internal/ui"
	"github.com/naru-relay/naru/services/web/locale"
)

// dataPage is how much of a list is asked for at one time.
const dataPage = 100

// showData shows what this relay knows of the person itself, and what to do when its phone is lost or has another number.
func (v *visit) showData() error {
	own, err := v.relay.membership.GetOwnData(v.self(), &addressv1.GetOwnDataRequest{})
	if err != nil {
		return err
	}
	view := ui.DataView{}
	if persons := own.GetPersons(); len(persons) > 0 {
		p := persons[0]
		view.Name, view.Birth, view.Phone, view.Since = p.GetName(), p.GetBirthDate(), p.GetPhone(), timeOf(p.GetRecordedAt())
	}
	return v.show(http.StatusOK, ui.Data(v.frame(locale.DataTitle), view))
}

// downloadData gives the person a copy of what this relay keeps of it, as JSON: the answers of the public interface. It is the
// person's own, whoever the session acts for. The lists are written as they come; what cannot be finished is broken off, so that
// nobody takes its beginning for the whole.
func (v *visit) downloadData() error {
	if err := v.longAnswer(); err != nil {
		return err
	}
	own, err := v.relay.membership.GetOwnData(v.self(), &addressv1.GetOwnDataRequest{})
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Disposition", gateway.Disposition("naru.json", true))
	if err := v.writeData(&copyWriter{to: v.w}, own); err != nil {
		v.log.LogAttrs(v.r.Context(), slog.LevelWarn, "a copy of somebody's data was not fully sent", slog.Any("error", err))
		panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's only way to break the connection, so that the person sees that the copy is not whole
	}
	return nil
}

func (v *visit) writeData(c *copyWriter, own *addressv1.GetOwnDataResponse) error {
	ctx := v.self()
	c.begin(v.clock.Now(), locale.Korean.Say(v.name))
	c.one("self", own)
	membership, err := v.relay.membership.GetMembership(ctx, &addressv1.GetMembershipRequest{})
	if err != nil && fault.ReasonOf(err) != fault.NameOf(addressv1.Reason_REASON_NOT_A_MEMBER) {
		return err
	}
	c.one("membership", membership)
	organisations, err := v.relay.organisations.ListOrganisations(ctx, &addressv1.ListOrganisationsRequest{})
	if err != nil {
		return err
	}
	c.one("organisations", organisations)
	if err := list(c, "received", byToken(func(token string) ([]*deliveryv1.InboxItem, string, error) {
		answer, err := v.relay.inbox.ListInbox(ctx, &deliveryv1.ListInboxRequest{PageSize: dataPage, PageToken: token})
		return answer.GetItems(), answer.GetNextPageToken(), err
	})); err != nil {
		return err
	}
	if err := v.writeSent(c, own.GetPersons()); err != nil {
		return err
	}
	if err := list(c, "authorisations", byToken(func(token string) ([]*intakev1.Authorisation, string, error) {
		answer, err := v.relay.approvals.ListAuthorisations(ctx, &intakev1.ListAuthorisationsRequest{PageSize: dataPage, PageToken: token})
		return answer.GetAuthorisations(), answer.GetNextPageToken(), err
	})); err != nil {
		return err
	}
	if err := list(c, "accesses", byToken(func(token string) ([]*viewingv1.Access, string, error) {
		answer, err := v.relay.accesses.ListAccesses(ctx, &viewingv1.ListAccessesRequest{PageSize: dataPage, PageToken: token})
		return answer.GetAccesses(), answer.GetNextPageToken(), err
	})); err != nil {
		return err
	}
	return c.end()
}

// writeSent writes what was sent since the person first proved who it is, whatever memberships there were; status lists 31 days
// at a time.
func (v *visit) writeSent(c *copyWriter, proved []*addressv1.ProvedPerson) error {
	now := v.clock.Now()
	from, token := now, ""
	if len(proved) > 0 {
		from = proved[len(proved)-1].GetRecordedAt().AsTime()
	}
	return list(c, "sent", func() ([]*statusv1.DocumentStatus, bool, error) {
		if !from.Before(now) {
			return nil, true, nil
		}
		answer, err := v.relay.status.ListStatuses(v.self(), &statusv1.ListStatusesRequest{
			AcceptedFrom: timestamppb.New(from), AcceptedUntil: timestamppb.New(from.Add(window)), PageSize: dataPage, PageToken: token,
		})
		if token = answer.GetNextPageToken(); token == "" {
			from = from.Add(window)
		}
		return answer.GetStatuses(), false, err
	})
}

// copyWriter writes a JSON object, value by value. The first error stays.
type copyWriter struct {
	to  io.Writer
	err error
}

func (c *copyWriter) write(text string) {
	if c.err == nil {
		_, c.err = io.WriteString(c.to, text)
	}
}

func (c *copyWriter) begin(at time.Time, relay string) {
	head, err := json.Marshal(map[string]string{"relay": relay, "madeAt": at.UTC().Format(time.RFC3339)})
	c.err = err
	c.write(string(bytes.TrimSuffix(head, []byte("}"))))
}

func (c *copyWriter) message(m proto.Message) {
	raw, err := protojson.Marshal(m)
	if err != nil && c.err == nil {
		c.err = fmt.Errorf("write a copy: %w", err)
	}
	c.write(string(raw))
}

// one writes a message under a name.
func (c *copyWriter) one(name string, m proto.Message) {
	c.write(",\n" + `"` + name + `":`)
	c.message(m)
}

func (c *copyWriter) end() error {
	c.write("}\n")
	return c.err
}

// list writes a list under a name, page after page, until the last.
func list[M proto.Message](c *copyWriter, name string, page func() (items []M, last bool, err error)) error {
	c.write(",\n" + `"` + name + `":[`)
	separator := "\n"
	for last := false; !last; {
		var items []M
		var err error
		if items, last, err = page(); err != nil {
			return err
		}
		for _, item := range items {
			c.write(separator)
			c.message(item)
			separator = ",\n"
		}
	}
	c.write("]")
	return c.err
}

// byToken gives the pages of a list in turn.
func byToken[M any](page func(token string) (items []M, next string, err error)) func() ([]M, bool, error) {
	token := ""
	return func() ([]M, bool, error) {
		items, next, err := page(token)
		token = next
		return items, next == "", err
	}
}
