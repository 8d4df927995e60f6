package address

import (
	"context"
	"log/slog"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/sealed"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

// How much of each list a person is given.
const (
	shownVersions = 100
	shownChoices  = 1000
)

// GetOwnData tells what is kept of the caller itself.
func (s *membershipServer) GetOwnData(ctx context.Context, _ *addressv1.GetOwnDataRequest) (*addressv1.GetOwnDataResponse, error) {
	who, err := personCalls(ctx)
	if err != nil {
		return nil, err
	}
	versions, err := identityVersions(ctx, s.db, who.recipient, shownVersions)
	if err != nil {
		return nil, err
	}
	answer := &addressv1.GetOwnDataResponse{}
	for _, v := range versions {
		shown, err := s.provedPerson(ctx, v)
		if err != nil {
			return nil, err
		}
		answer.Persons = append(answer.Persons, shown)
	}
	choices, err := choicesOf(ctx, s.db, who.recipient, shownChoices)
	if err != nil {
		return nil, err
	}
	for _, c := range choices {
		answer.Choices = append(answer.Choices, &addressv1.Choice{
			Matter: addressv1.Matter(c.Matter), Given: c.Given, At: timestamppb.New(c.At), TermsVersion: c.Terms, Sender: c.Sender,
		})
	}
	return answer, nil
}

// provedPerson opens a version. One that cannot be opened is shown as that: a record that is broken hides no other.
func (s *service) provedPerson(ctx context.Context, v identityVersion) (*addressv1.ProvedPerson, error) {
	shown := &addressv1.ProvedPerson{RecordedAt: timestamppb.New(v.RecordedAt)}
	p, err := s.openPerson(ctx, identity{recipient: v.Recipient, version: v.Version, sealed: v.Sealed})
	if err != nil && !sealed.Unreadable(err) {
		return nil, err
	}
	if err != nil {
		s.metrics.unreadable.Add(ctx, 1)
		s.log.LogAttrs(ctx, slog.LevelError, "a version of an identity cannot be opened", slog.String("recipient", v.Recipient.String()), slog.Any("error", err))
		shown.Unreadable = true
		return shown, nil
	}
	shown.Name, shown.BirthDate, shown.Phone, shown.Ci = p.Name, p.BirthDate, p.Phone, p.CI
	return shown, nil
}
