package viewing

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/viewinglog"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// ExtractViewingLog makes a signed extract of who opened a document, for its sender or its recipient.
func (s *accesses) ExtractViewingLog(ctx context.Context, r *viewingv1.ExtractViewingLogRequest) (*viewingv1.ExtractViewingLogResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	d, err := s.documents.find(ctx, r.GetEdocNum(), func(sender, recipient string) bool { return caller.ID == sender || caller.ID == recipient })
	if err != nil {
		return nil, err
	}
	party := viewinglog.Sender
	if caller.ID == d.recipient {
		party = viewinglog.Recipient
		err = s.represents(ctx, caller) // the extract names persons of an organisation
	} else {
		err = s.authorities.stillMay(ctx, caller)
	}
	if err != nil {
		return nil, err
	}
	found, err := listTokens(ctx, s.db, d.number, int(r.GetAfter()), viewinglog.MaxEntries+1)
	if err != nil {
		return nil, err
	}
	// The clock is read after the log: nothing in it may be later than the extract.
	now, err := s.now()
	if err != nil {
		return nil, err
	}
	extract := extractOf(d, party, int(r.GetAfter()), found, now)
	text, err := viewinglog.Sign(s.signer, extract)
	if errors.Is(err, viewinglog.ErrTimes) {
		return nil, unavailable("the relay's clock is behind", err)
	}
	if err != nil {
		return nil, err
	}
	if err := s.stateExtract(ctx, d, caller, extract, text, now); err != nil {
		return nil, err
	}
	answer := &viewingv1.ExtractViewingLogResponse{
		Extract: text, Serial: extract.Serial, MadeAt: timestamppb.New(now), Entries: int32(len(extract.Entries)), More: extract.More, //nolint:gosec // at most MaxEntries
	}
	if n := len(extract.Entries); n > 0 {
		answer.Last = int32(extract.Entries[n-1].Number) //nolint:gosec // a document's tokens are bounded
	}
	return answer, nil
}

// stateExtract states, for this unit alone, that an extract was made, before anybody has it.
func (s *accesses) stateExtract(ctx context.Context, d document, caller authn.Principal, l viewinglog.Log, text string, at time.Time) error {
	digest := sha256.Sum256([]byte(text))
	return s.journal.InTx(ctx, func(tx *journal.Tx) error {
		return tx.Record(ctx, journal.Fact{
			Subject: l.Serial, Sender: d.sender, Actor: cmp.Or(caller.Actor, caller.ID), OccurredAt: at, Traceparent: journal.Traceparent(ctx),
			Message: &viewingv1.ViewingLogExtracted{
				EdocNum: l.EdocNum, Applicant: caller.ID, Party: string(l.For), Digest: hex.EncodeToString(digest[:]), KeyId: s.signer.KeyID(),
				After: int32(l.After), Entries: int32(len(l.Entries)), //nolint:gosec // given as such, and at most MaxEntries
			},
		})
	})
}

// extractOf puts tokens into an extract; one more than it may have says that there are more.
func extractOf(d document, party viewinglog.Party, after int, tokens []loggedToken, now time.Time) viewinglog.Log {
	l := viewinglog.Log{
		Format: viewinglog.Format, Serial: id.New().String(), MadeAt: viewinglog.Time(now), For: party, EdocNum: d.number.String(),
		DocumentHash: viewinglog.Digest{Algorithm: d.hash.GetAlgorithm(), Value: d.hash.GetValue()}, Sender: d.sender, RecipientAddress: d.address,
		SentAt: viewinglog.Time(d.sentAt), ReceivedAt: viewinglog.Time(d.receivedAt), After: after, More: len(tokens) > viewinglog.MaxEntries,
		Entries: []viewinglog.Entry{},
	}
	for _, token := range tokens[:min(len(tokens), viewinglog.MaxEntries)] {
		e := viewinglog.Entry{Number: token.Number, GivenAt: viewinglog.Time(token.GivenAt), ViewingSystem: token.System}
		if party == viewinglog.Recipient {
			e.Person = token.Person
		}
		if token.OpenedAt != nil {
			e.OpenedAt = viewinglog.Time(*token.OpenedAt)
		}
		if token.ReadAt != nil {
			e.ReadAt = viewinglog.Time(*token.ReadAt)
		}
		l.Entries = append(l.Entries, e)
	}
	return l
}
